"""The page: one HTML file that holds its style, its scripts and its data, and may load nothing."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from shlex import quote
from typing import Any, NamedTuple

import polars as pl
import vl_convert
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ... import __version__
from ...evaluation.backtest import PART
from ...running.runs import DEMO
from . import charts, tables
from .gathering import Calibration, Gathered
from .tables import count, decimal


class Chart(NamedTuple):
    """A chart under its name on the page; ``height`` keeps its place until it is drawn."""

    name: str
    height: int
    spec: Markup


class Tile(NamedTuple):
    """A headline figure."""

    label: str
    value: str
    note: str


def page(gathered: Gathered, backtests: Sequence[Calibration] = (), /) -> str:
    """The report as HTML. The same frames and versions give the same text."""
    script = Markup(_script())
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    environment.filters |= {"count": count, "decimal": decimal}
    return environment.from_string(_resource("page.html")).render(
        policy=_policy(script),
        style=Markup(_resource("page.css")),
        script=script,
        versions={"vn2pl": __version__, "altair": version("altair"), "great_tables": version("great_tables")},
        facts=gathered.facts,
        data_option="" if gathered.facts["data"] == DEMO else f" --data {quote(gathered.facts['data'])}",
        span=gathered.span,
        summary=gathered.summary,
        out_of_stock=100 * (gathered.summary["n_stockouts"] or 0) / (gathered.summary["n_rows"] or 1),
        tiles=_tiles(gathered.summary),
        lift=_lift(gathered),
        stockouts=_stockouts(gathered.by_class),
        are_chosen=gathered.are_chosen,
        fans=list(_fans(gathered)),
        affected=tables.affected(gathered.skus),
        backtests=[
            part for number, given in enumerate(backtests) for part in _parts(given, gathered, f"backtest-{number}")
        ],
        run=_run(gathered),
    )


def _tiles(figures: Mapping[str, float | None]) -> list[Tile]:
    """Figures of the summary and nothing else, so that they are the same wherever they are told."""
    sold, cold = (
        count(figures["total_original_volume"]),
        (figures["n_cold_start"] or 0) - (figures["n_no_candidates"] or 0),
    )
    return [
        Tile("Stockouts imputed", count(figures["n_imputed"]), f"of {count(figures['n_stockouts'])}"),
        Tile("Lift, units", count(figures["volume_lift"]), f"{decimal(figures['volume_lift_pct'])} % of {sold} sold"),
        Tile(
            "Mean imputed week, units",
            decimal(figures["mean_imputed_sales"], 2),
            f"sold: {decimal(figures['mean_original_sales'], 2)}",
        ),
        Tile("Imputed from a cold start", count(cold), "no own history so far"),
        Tile("Without a SIP", count(figures["n_not_imputed"]), "no week to learn from"),
    ]


def _lift(gathered: Gathered) -> dict[str, Any]:
    departments = gathered.by_department
    told = {
        "chart": _chart("lift-month", charts.lift_by_month(gathered.by_month)),
        "table": tables.months(gathered.by_month),
    }
    if departments is None:
        return {"month": told, "department": None}
    return {
        "month": told,
        "department": {
            "chart": _chart("lift-department", charts.lift_by_department(departments)),
            "table": tables.departments(departments),
            "all": departments.height,
            "drawn": charts.DEPARTMENTS,
            "listed": tables.DEPARTMENTS,
        },
    }


def _stockouts(by_class: pl.DataFrame) -> dict[str, Any]:
    chart = _chart("stockouts-heat", charts.stockout_heat_map(by_class))
    return {"chart": chart, "shades": charts.SHADES, "table": tables.stockouts_by_year(by_class)}


def _fans(gathered: Gathered) -> Iterator[dict[str, Any]]:
    for number, fan in enumerate(gathered.fans):
        name = f"sku-{number}"
        chart = _chart(f"{name}-fan", charts.fan_chart(fan.weeks))
        yield {"name": name, "sku": fan.sku, "chart": chart, "table": tables.imputed_weeks(fan.weeks, name=name)}


def _parts(given: Calibration, gathered: Gathered, name: str) -> Iterator[dict[str, Any]]:
    """A backtest's parts: launches have two, other masks one."""
    mask = given.facts["mask"]
    for number, part in enumerate(given.table[PART].unique(maintain_order=True)):
        figures, label = given.table.filter(pl.col(PART) == part), f"{name}-{number}"
        overall = charts.overall(figures)
        yield {
            "title": mask if part == mask else f"{mask}, {part}",
            "weeks": overall["weeks"],
            "seeds": len(given.facts["seeds"]),
            "cautions": list(_cautions(given, gathered)),
            "pit": _chart(f"{label}-pit", charts.pit_histogram(overall)),
            "deciles": ", ".join(f"{100 * share:.1f} %" for share in charts.deciles(overall)),
            "coverage": _chart(f"{label}-coverage", charts.coverage_chart(figures)),
            "classes": tables.coverage(figures, name=f"{label}-classes"),
            "methods": tables.methods(figures, name=f"{label}-methods", reference=given.facts["reference"]),
        }


def _cautions(given: Calibration, gathered: Gathered) -> Iterator[str]:
    if given.facts["data_fingerprint"] != gathered.facts["data_fingerprint"]:
        yield f"This backtest is of another panel ({given.facts['data']}) than the run."
    own, other = gathered.facts["config"], given.facts["config"]
    differing = [name for name in own if other.get(name) != own[name]]
    if differing:
        yield f"This backtest has another configuration than the run: {', '.join(differing)}."


def _run(gathered: Gathered) -> dict[str, Any]:
    facts = gathered.facts
    told = {
        "data": facts["data"],
        "fingerprint of the data": facts["data_fingerprint"],
        "finished": facts["finished"],
        "seconds": sum(facts["seconds"].values()),
        "threads": facts["threads"],
        **{f"version of {name}": number for name, number in facts["versions"].items()},
    }
    checksums = {name: file["sha256"] for name, file in facts["files"].items()}
    return {
        "figures": tables.pairs(gathered.summary, name="figures", caption="Figures of the run"),
        "facts": tables.pairs(told, name="facts", caption="The run"),
        "config": tables.pairs(facts["config"], name="config", caption="Settings"),
        "parameters": json.dumps(facts["profile_parameters"], indent=2, ensure_ascii=False),
        "files": tables.pairs(checksums, name="files", caption="SHA-256 of the files"),
    }


def _chart(name: str, spec: charts.Spec) -> Chart:
    """A specification as text that cannot end the element it stands in."""
    text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    safe = text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    return Chart(name, spec["height"], Markup(safe))


@cache
def _script() -> str:
    """What draws the charts, with the Vega libraries that it needs, as vl-convert bundles them."""
    return vl_convert.javascript_bundle(_resource("page.js")).replace("</script", r"<\/script")


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """A content security policy: nothing is loaded, and of scripts only this one runs."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    nothing = "default-src 'none'; base-uri 'none'; form-action 'none'"
    return f"{nothing}; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
