"""What stands behind one stockout: found by the names a person knows it by, and gathered from the plan."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import polars as pl
import polars.selectors as cs

from .. import queries
from ..errors import InputError
from ..messages import nearest_texts
from ..queries.distributions import MASS, TOTAL
from ..queries.imputed import POINT
from ..queries.names import (
    DEMAND,
    DISTANCE,
    IMPUTED,
    IN_STOCK,
    KEY,
    LOG_SPREAD,
    PRODUCT,
    QUANTILE,
    RADIUS,
    RANK,
    RECIPIENT_CELL,
    SALES,
    SALES_OBSERVED,
    SKU,
    STORE,
    USE_THINNED,
    VALUE,
    WEEK,
    WEIGHT,
    K,
    of_donor,
    of_recipient,
)
from ..queries.neighbours import NEIGHBOUR, gap
from ..queries.profiles.base import Profile
from .imputation import Run

SUGGESTED = 3
PROBABILITY = "probability"
LEVELS = ("level", "recent_level")


class Stockout(NamedTuple):
    """The key of a stockout week, with the types of its panel."""

    store: int | str
    product: int | str
    week: date

    def is_row(self) -> pl.Expr:
        """Which row of a frame with the panel's key it is."""
        return pl.all_horizontal(pl.col(name) == value for name, value in zip(KEY, self, strict=True))


class Explanation(NamedTuple):
    """All that is known of a stockout.

    ``outcome`` has point (the median, units), status, own_weeks, level_source, candidates, neighbours and flags, as
    published; ``features`` what its profile knows of it; ``pool`` where its neighbours were sought: sought, reach and
    cell (cells of the profile), is_half (of the candidates), spread (log half-width, see the profile).

    ``neighbours``: rank, neighbour_store, neighbour_product, neighbour_week, distance, weight, sales (its own, units),
    demand (sales rescaled to the stockout, units) and, under the names of ``coordinates``, what each adds to distance.
    ``sip``: quantile, value (units). ``distribution``: value (units), probability.
    """

    stockout: Stockout
    sales: float
    outcome: dict[str, Any]
    features: dict[str, Any]
    pool: dict[str, Any]
    coordinates: Sequence[str]
    neighbours: pl.DataFrame
    sip: pl.DataFrame
    distribution: pl.DataFrame


def find_stockout(observed: pl.DataFrame, /, *, store: str, product: str, week: str) -> Stockout:
    """The stockout week that three texts name.

    Raises InputError with the nearest keys where there is none: no such store, product, SKU or week, or one in stock.
    """
    stores, products = (observed[name].unique().sort() for name in SKU)
    try:
        wanted = date.fromisoformat(week)
    except ValueError:
        raise InputError(f"--week: expected a date such as 2024-04-08, got {week!r}") from None
    sought_store, sought_product = _known_keys({STORE: (store, stores), PRODUCT: (product, products)})
    stockout = Stockout(sought_store, sought_product, wanted)
    weeks = observed.filter(pl.col(STORE) == stockout.store, pl.col(PRODUCT) == stockout.product).sort(WEEK)
    if weeks.is_empty():
        raise InputError(_no_such_sku(observed, stockout))
    if problem := _week_problem(weeks, stockout):
        raise InputError(problem)
    return stockout


def explain(run: Run, stockout: Stockout, /) -> Explanation:
    """Search the neighbours of one stockout, and gather what led to them and what they lead to.

    The search is for this one alone; the features are those of the run.
    """
    observed, settings, features = run.panel.lazy(), run.config, run.features
    profile = settings.definition
    # Features need every row; the search needs no other stockout.
    relevant = features.lazy().filter(pl.col(IN_STOCK) | stockout.is_row())
    prepared = queries.prepare(relevant, settings)
    found = queries.solve(prepared, settings)
    lazy = {
        "recipient": prepared.recipients,
        "outcome": queries.marked(found.outcomes, observed).drop(KEY),
        "features": relevant.filter(stockout.is_row()).select(_shown_features(features, profile)),
        "neighbours": _neighbours(found.neighbours, prepared, relevant, profile),
        "sip": found.sips.select(QUANTILE, VALUE),
        "distribution": _distribution(found.distributions, settings.demand_unit),
    }
    frames = dict(zip(lazy, pl.collect_all(lazy.values(), engine="streaming"), strict=True))
    return _explanation(stockout, frames, _coordinates(profile))


def _explanation(stockout: Stockout, frames: Mapping[str, pl.DataFrame], names: Sequence[str]) -> Explanation:
    target = frames["recipient"].row(0, named=True)
    return Explanation(
        stockout=stockout,
        sales=target[SALES_OBSERVED],
        outcome=frames["outcome"].row(0, named=True),
        features=frames["features"].row(0, named=True),
        pool={
            "sought": target[K],
            "reach": target[RADIUS],
            "is_half": target[USE_THINNED],
            "cell": target[RECIPIENT_CELL],
            "spread": target[LOG_SPREAD],
        },
        coordinates=names,
        neighbours=frames["neighbours"],
        sip=frames["sip"],
        distribution=frames["distribution"],
    )


def as_published(explanation: Explanation, imputed: pl.DataFrame, sips: pl.DataFrame, /) -> Explanation:
    """The explanation with the outcome and the SIP that a run published of its stockout, a row and some rows."""
    row = imputed.row(0, named=True)
    point = {POINT: row[SALES] if row[IMPUTED] else None}
    outcome = {name: row[name] for name in explanation.outcome if name != POINT}
    return explanation._replace(outcome={**point, **outcome}, sip=sips.sort(QUANTILE).select(QUANTILE, VALUE))


def is_alike(explanation: Explanation, other: Explanation, /) -> bool:
    """Whether two explanations have the same outcome and SIP."""
    return explanation.outcome == other.outcome and explanation.sip.equals(other.sip)


def as_json(explanation: Explanation, /) -> dict[str, Any]:
    """An explanation as plain values: text, numbers, lists; numbers that are not finite are null."""
    told = {
        **dict(zip(("store", "product", "week"), explanation.stockout, strict=True)),
        "sales": explanation.sales,
        **explanation.outcome,
        "profile": explanation.features,
        "pool": explanation.pool,
        "sip": explanation.sip.to_dicts(),
        "distribution": explanation.distribution.to_dicts(),
        "nearest": [_neighbour(row, explanation.coordinates) for row in explanation.neighbours.iter_rows(named=True)],
    }
    plain: dict[str, Any] = _plain(told)
    return plain


def _known_keys(wanted: Mapping[str, tuple[str, pl.Series]]) -> list[int | str]:
    found: list[int | str] = []
    problems: list[str] = []
    for name, (text, known) in wanted.items():
        try:
            found.append(_known_key(name, text, known))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(*problems)
    return found


def _known_key(name: str, text: str, known: pl.Series) -> int | str:
    option = f"--{name.lower()}"
    if not known.dtype.is_integer():
        return _among(text, known.cast(pl.String).to_list(), f"{option} {text!r}: the panel has no such {name}")
    try:
        number = int(text)
    except ValueError:
        told = f"{option}: expected a whole number, as every {name} of the panel is, got {text!r}"
        raise InputError(f"{told}; the first are {_listed(known.to_list()[:SUGGESTED])}") from None
    return _among(number, known.to_list(), f"{option} {number}: the panel has no such {name}")


def _among(wanted: int | str, known: Sequence[int | str], otherwise: str) -> int | str:
    if wanted in known:
        return wanted
    raise InputError(f"{otherwise}; nearest: {_listed(_nearest(wanted, known))}")


def _nearest(wanted: Any, known: Sequence[Any]) -> list[Any]:
    """The few keys that are most like the one wanted, whatever they are: numbers, texts or dates."""
    if isinstance(wanted, str):
        return nearest_texts(wanted, map(str, known), at_most=SUGGESTED)
    return sorted(sorted(known, key=lambda other: (abs(other - wanted), other))[:SUGGESTED])


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _no_such_sku(observed: pl.DataFrame, stockout: Stockout) -> str:
    products = observed.filter(pl.col(STORE) == stockout.store)[PRODUCT].unique().to_list()
    stores = observed.filter(pl.col(PRODUCT) == stockout.product)[STORE].unique().to_list()
    return (
        f"{_sku(stockout)}: the panel has both, but not together; nearest of the Store: "
        f"Product {_listed(_nearest(stockout.product, products))}; "
        f"nearest of the Product: Store {_listed(_nearest(stockout.store, stores))}"
    )


def _sku(stockout: Stockout) -> str:
    return f"Store {stockout.store}, Product {stockout.product}"


def _week_problem(weeks: pl.DataFrame, stockout: Stockout) -> str | None:
    """Why there is nothing to explain, and which weeks of the SKU there are instead."""
    chosen = weeks.filter(pl.col(WEEK) == stockout.week)
    if chosen.height and not chosen[IN_STOCK].item():
        return None
    if chosen.height:
        told = f"was in stock and sold {chosen[SALES].item():g}: there is nothing to impute"
    else:
        told = f"has no such week, but weeks from {weeks[WEEK][0]} to {weeks[WEEK][-1]}"
    stockouts = weeks.filter(~pl.col(IN_STOCK))[WEEK].to_list()
    near = f"nearest stockout weeks: {_listed(_nearest(stockout.week, stockouts))}" if stockouts else "no stockout week"
    return f"--week {stockout.week}: {_sku(stockout)} {told}; {near}"


def _coordinates(profile: Profile) -> list[str]:
    return [expression.meta.output_name() for expression in profile.coordinates()]


def _shown_features(features: pl.DataFrame, profile: Profile) -> list[str]:
    """The features that distances are made of, and the levels that a profile may have besides."""
    read = [name for expression in profile.coordinates() for name in expression.meta.root_names()]
    return [name for name in dict.fromkeys([*LEVELS, *read]) if name in features.columns]


def _neighbours(
    named: pl.LazyFrame, prepared: queries.Prepared, features: pl.LazyFrame, profile: Profile
) -> pl.LazyFrame:
    sold = features.select(*KEY, pl.col(SALES_OBSERVED).alias(SALES))
    parts = (part.cast(pl.Float64) * profile.distance_unit for part in profile.parts(gap))
    known = prepared.donors.select(*KEY, cs.starts_with(of_donor(""))).join(sold, on=KEY).rename(NEIGHBOUR)
    return (
        named.join(known, on=list(NEIGHBOUR.values()))
        .join(prepared.recipients.select(cs.starts_with(of_recipient(""))), how="cross")
        .sort(RANK)
        .select(RANK, *NEIGHBOUR.values(), DISTANCE, WEIGHT, SALES, DEMAND, *parts)
    )


def _distribution(distributions: pl.LazyFrame, demand_unit: float) -> pl.LazyFrame:
    probability = pl.col(MASS) / pl.col(TOTAL)
    return distributions.sort(VALUE).select(pl.col(VALUE) * demand_unit, probability.alias(PROBABILITY))


def _neighbour(row: Mapping[str, Any], coordinates: Sequence[str]) -> dict[str, Any]:
    known = {name: value for name, value in row.items() if name not in coordinates}
    return {**known, "distance_by_coordinate": {name: row[name] for name in coordinates}}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, date) else value
