"""``vn2pl why``: explain one stockout on one screen."""

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import polars as pl
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from .. import __version__
from ..config import Config
from ..queries.distributions import MEDIAN
from ..queries.names import DEMAND, DISTANCE, QUANTILE, RANK, SALES, VALUE, WEIGHT
from ..queries.neighbours import NEIGHBOUR
from ..running import memory
from ..running.explanation import Explanation, as_json, as_published, explain, find_stockout, is_alike
from ..running.publishing import impute
from ..running.runs import steadily
from ..schemas import FLAGS, LEVEL_SOURCES, STATUSES
from .finished import Finished, finished, folder_of, refuse_both
from .inputs import configured, read_observed
from .layout import Column, printable, table
from .statuses import DONE
from .terminal import measured, plain_console

PIPED_WIDTH = 100
TWO_COLUMNS = 92
BETWEEN = 4
NEAREST = 10
ROWS = 12
CONTINUED = "(continued)"
BAR, SHORT_BAR = 20, 8
ROOMY = 44
EIGHTHS = " ▏▎▍▌▋▊▉█"
# Numbers that only tell SKUs apart: nothing to read in themselves.
CODES = {"kind"}
PAST_OR_ALL = {"past": "earlier in-stock weeks", "all": "in-stock weeks, earlier and later,"}


class Feature(NamedTuple):
    """How a feature of a profile is told to a person."""

    label: str
    told: Callable[[float], str]


class Told(NamedTuple):
    """What there is to tell: an explanation, and of which run, unless it was worked out from a panel."""

    explanation: Explanation
    config: Config
    run: Finished | None = None
    is_same: bool = True


class Bar(NamedTuple):
    """A stretch of demand, its probability, and the quantile levels whose values lie in it."""

    label: str
    probability: float
    levels: list[float]


FEATURES = {
    "level": Feature("Level, units a week", "{:,.2f}".format),
    "recent_level": Feature("Level of recent weeks", "{:,.2f}".format),
    "usual_level": Feature("Usual level", "{:,.2f}".format),
    "week_index": Feature("Week index", lambda value: f"x {math.exp(value):.2f}"),
    "drift": Feature("Drift of the weeks before", lambda value: f"x {math.exp(value):.2f}"),
    "year_away": Feature("A year away", lambda value: f"x {math.exp(value):.2f}"),
    "expected_demand": Feature("Expected demand", "{:,.2f}".format),
    "zero_share": Feature("Weeks without sales", lambda value: f"{100 * value:.0f} %"),
    "odd_share": Feature("Odd counts among sales", lambda value: f"{100 * value:.0f} %"),
    "peer_regularity": Feature("Peers sell more often than usual", lambda value: f"{value:+.2f}"),
    "dispersion": Feature("Variance to mean", lambda value: _number(math.exp(value))),
}


def run(arguments: argparse.Namespace) -> int:
    """Explain; returns the exit status."""
    refuse_both(arguments)
    told = _of_panel(arguments) if arguments.data else steadily(lambda: _of_run(arguments), folder_of(arguments))
    if arguments.json:
        is_same = {} if told.run is None else {"is_same_as_searched_again": told.is_same}
        print(json.dumps({**as_json(told.explanation), **is_same}, allow_nan=False))
    else:
        console = plain_console(piped_width=PIPED_WIDTH)
        console.print(_screen(told, console))
    return DONE


def _of_panel(arguments: argparse.Namespace) -> Told:
    config, attributes = configured(arguments)
    observed = read_observed(arguments, config, attributes).panel
    return Told(_explained(arguments, observed, config), config)


def _of_run(arguments: argparse.Namespace) -> Told:
    """The search is done again to show its neighbours, but the outcome and the SIP are those that the run published."""
    run = finished(arguments)
    config, imputed = run.config(), run.tables["imputed"]
    if not arguments.ignore_memory:
        rows = imputed.select(pl.len()).collect(engine="streaming").item()
        memory.require(memory.estimate(rows=rows), source=str(run.folder))
    searched = _explained(arguments, run.tables["panel"].collect(engine="streaming"), config)
    of_stockout = (frame.filter(searched.stockout.is_row()) for frame in (imputed, run.tables["sips"]))
    explanation = as_published(searched, *pl.collect_all(of_stockout, engine="streaming"))
    return Told(explanation, config, run, is_same=is_alike(explanation, searched))


def _explained(arguments: argparse.Namespace, observed: pl.DataFrame, config: Config) -> Explanation:
    stockout = find_stockout(observed, store=arguments.store, product=arguments.product, week=arguments.week)
    return explain(impute(observed, config), stockout)


def _screen(told: Told, console: Console) -> Group:
    explanation, config = told.explanation, told.config
    profile = _profile(explanation, config.profile)
    parts: list[RenderableType] = [_facts(told), ""]
    if explanation.neighbours.is_empty() or explanation.sip.is_empty():
        return Group(*parts, profile)
    is_beside = console.width >= TWO_COLUMNS
    width = console.width - is_beside * (measured(console, profile) + BETWEEN)
    drawn = _sip(explanation, config.demand_unit, width=width, is_plain=console.options.ascii_only)
    parts += [_beside(profile, drawn)] if is_beside else [profile, "", drawn]
    return Group(*parts, "", *_neighbours(explanation, console))


def _facts(told: Told) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in _sentences(told.explanation, told.config):
        grid.add_row(label, text)
    if told.run and not told.is_same:
        grid.add_row("Note", _note(told.run))
    return grid


def _note(run: Finished) -> str:
    of_run, here = map(_versions, (run.facts["versions"], {"vn2pl": __version__, "polars": pl.__version__}))
    return f"searched again, it is not the same (the run: {of_run}; here: {here}): profile and neighbours are of here"


def _versions(versions: Mapping[str, str]) -> str:
    return f"vn2pl {versions.get('vn2pl')}, Polars {versions.get('polars')}"


def _sentences(explanation: Explanation, config: Config) -> Iterator[tuple[str, str]]:
    stockout, outcome = explanation.stockout, explanation.outcome
    season = stockout.week.isocalendar().week
    sku = f"Store {_key(stockout.store)}, Product {_key(stockout.product)}"
    yield "Stockout", f"{sku}, week {stockout.week} (ISO week {season})"
    yield "Sold", f"{_units(explanation.sales)}, so demand was at least that" if explanation.sales else "0"
    if explanation.sip.height:
        yield "Demand", _demand(explanation)
    yield "Status", STATUSES[outcome["status"]].sentence
    if explanation.neighbours.height:
        yield "Learnt from", _pool(explanation, config)
    for number, flag in enumerate(outcome["flags"]):
        yield "" if number else "Flags", FLAGS[flag].sentence
    if not outcome["flags"]:
        yield "Flags", "none"


def _demand(explanation: Explanation) -> str:
    first, last = explanation.sip.row(0, named=True), explanation.sip.row(-1, named=True)
    ends = f"{_units(first[VALUE])} to {_units(last[VALUE])}"
    levels = f"from quantile {first[QUANTILE]:g} to {last[QUANTILE]:g}"
    return f"{_units(explanation.outcome['point'])}, the median; {ends} {levels}"


def _pool(explanation: Explanation, config: Config) -> str:
    outcome, pool = explanation.outcome, explanation.pool
    near = f"at most {config.season_window} ISO weeks away in season"
    half = ", half of the" if pool["is_half"] else ""
    sought = f" of {pool['sought']:,} sought" if pool["sought"] != outcome["neighbours"] else ""
    return (
        f"the nearest {outcome['neighbours']:,}{sought} among {outcome['candidates']:,}{half} "
        f"{PAST_OR_ALL[config.candidate_weeks]} {near} and {pool['reach']} cells away in profile"
    )


def _profile(explanation: Explanation, name: str) -> Table:
    outcome, source = explanation.outcome, explanation.outcome["level_source"]
    grid = _small_table(f"Profile: {name}")
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", overflow="fold")
    grid.add_row("Own in-stock weeks", f"{outcome['own_weeks']:,}")
    grid.add_row("Level rests on", LEVEL_SOURCES.get(source, f"its {source}"))
    for feature, value in explanation.features.items():
        if feature in CODES:
            continue
        label, told = FEATURES.get(feature, Feature(_words(feature).capitalize(), _number))
        grid.add_row(label, told(value) if value is not None else "-")
    if explanation.pool["spread"]:
        grid.add_row("Widened both ways by", f"x {math.exp(explanation.pool['spread']):.2f}")
    return grid


def _sip(explanation: Explanation, unit: float, *, width: int, is_plain: bool) -> Text:
    """The distribution as bars, with the quantile levels beside the values they fall on."""
    bars = list(_bars(explanation, unit))
    highest, length = max(bar.probability for bar in bars), BAR if width >= ROOMY else SHORT_BAR
    drawn = [_drawn(bar.probability / highest, width=length, is_plain=is_plain).ljust(length) for bar in bars]
    columns = [
        Column("", [bar.label for bar in bars], "number"),
        Column("", drawn, "date"),
        Column("", [_percent(bar.probability) for bar in bars], "number"),
        Column("", [_levels(bar.levels) for bar in bars], "text"),
    ]
    title = "Demand, its probability, and quantiles"
    return Text("\n".join([title, *table(columns, width=width, has_header=False).lines]), no_wrap=True)


def _bars(explanation: Explanation, unit: float) -> Iterator[Bar]:
    probabilities = {round(value / unit): share for value, share in explanation.distribution.iter_rows()}
    values = {**dict(explanation.sip.iter_rows()), MEDIAN: explanation.outcome["point"]}
    quantiles = [(level, int(value / unit + 1e-9)) for level, value in sorted(values.items())]
    ends = [value for _, value in quantiles]
    lowest, highest = min(*probabilities, *ends), max(ends)
    step = _step(lowest, highest)
    first = lowest // step * step
    for start in range(first, highest + 1, step):
        within = range(start, start + step)
        yield Bar(
            _stretch(start * unit, (start + step - 1) * unit),
            sum(probabilities.get(value, 0.0) for value in within),
            [level for level, value in quantiles if value in within],
        )
    beyond = sum(share for value, share in probabilities.items() if value >= start + step)
    if beyond:
        yield Bar(f"from {_units((start + step) * unit)}", beyond, [])


def _step(lowest: int, highest: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, ... that cuts the range into few enough bars."""
    steps: Iterator[int] = (factor * 10**power for power in count() for factor in (1, 2, 5))
    return next(step for step in steps if highest // step - lowest // step < ROWS)


def _stretch(low: float, high: float) -> str:
    return _units(low) if low == high else f"{_units(low)}-{_units(high)}"


def _drawn(share: float, *, width: int, is_plain: bool) -> str:
    if is_plain:
        return "#" * round(share * width)
    whole, rest = divmod(math.ceil(share * width * 8), 8)
    return EIGHTHS[-1] * whole + EIGHTHS[rest].strip()


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def _levels(levels: Sequence[float]) -> str:
    """Levels such as ``.4 median .6``: short, as there are a dozen on a screen."""
    return " ".join("median" if level == MEDIAN else f"{level:g}".removeprefix("0") for level in levels)


def _neighbours(explanation: Explanation, console: Console) -> list[RenderableType]:
    """The nearest, in one table with what their distances consist of, or in several where the screen is narrow."""
    known, compared = _identity(explanation), _compared(explanation)
    shown = explanation.neighbours.height
    title = f"Nearest {min(NEAREST, shown)} of {shown:,} neighbours"
    whole = _columns(f"{title}, with distance by coordinate", {**known, **compared})
    if measured(console, whole) <= console.width:
        return [whole]
    numbers = {"#": known.pop("#")}
    parts = [*_parts(title, numbers, known, console), *_parts("Distance by coordinate", numbers, compared, console)]
    return list(_with_blanks(parts))


def _parts(
    title: str, numbers: Mapping[str, Sequence[str]], columns: Mapping[str, Sequence[str]], console: Console
) -> Iterator[Table]:
    """As many columns at a time as the screen holds, the numbers of the rows beside each lot."""
    lot = dict(numbers)
    for label, cells in columns.items():
        if len(lot) > 1 and measured(console, _columns(title, {**lot, label: cells})) > console.width:
            yield _columns(title, lot)
            title, lot = CONTINUED, dict(numbers)
        lot[label] = cells
    yield _columns(title, lot)


def _with_blanks(tables: Sequence[Table]) -> Iterator[RenderableType]:
    for number, part in enumerate(tables):
        if number:
            yield ""
        yield part


def _identity(explanation: Explanation) -> dict[str, list[str]]:
    """Who the nearest are and what they lend, column by column."""
    store, product, week = NEIGHBOUR.values()
    labels: Mapping[str, tuple[str, Callable[[Any], str]]] = {
        "#": (RANK, str),
        "Store": (store, _key),
        "Product": (product, _key),
        "week": (week, str),
        "sold": (SALES, _units),
        "as demand": (DEMAND, _number),
        "weight": (WEIGHT, lambda value: f"{value:.2f}"),
        "distance": (DISTANCE, _short),
    }
    nearest = explanation.neighbours.head(NEAREST)
    return {label: [told(value) for value in nearest[name]] for label, (name, told) in labels.items()}


def _compared(explanation: Explanation) -> dict[str, list[str]]:
    """What each coordinate adds to the distances."""
    nearest = explanation.neighbours.head(NEAREST)
    return {_words(name): [_short(value) for value in nearest[name]] for name in explanation.coordinates}


def _columns(title: str, columns: Mapping[str, Sequence[str]]) -> Table:
    grid = _small_table(title, header=True)
    for label in columns:
        grid.add_column(label.replace(" ", "\n"), justify="right", vertical="bottom", overflow="fold")
    for row in zip(*columns.values(), strict=True):
        grid.add_row(*row)
    return grid


def _small_table(title: str, *, header: bool = False) -> Table:
    return Table(title=title, title_justify="left", show_header=header, box=None, pad_edge=False, collapse_padding=True)


def _beside(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(padding=(0, BETWEEN))
    grid.add_row(left, right)
    return grid


def _words(name: str) -> str:
    return name.replace("_", " ")


def _key(value: object) -> str:
    return printable(str(value))


def _units(value: float) -> str:
    return f"{value:,.10g}"


def _number(value: float) -> str:
    return f"{value:,.2f}"


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"
