"""The tables of a report as HTML: Great Tables formats and escapes, the page's style sheet dresses."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
import polars.selectors as cs
from great_tables import GT
from markupsafe import Markup

from ...evaluation.backtest import ALL, CLASS, INTERVALS, LABELS, METHOD, PLAN, SEGMENT, SEGMENT_LABELS
from ...queries.names import FLAGS, IMPUTED, PRODUCT, STORE, WEEK
from .charts import class_label
from .gathering import LOST, SKUS, STOCKOUTS

NONE = "-"
DEPARTMENTS = 200
AFFECTED = 20
WEEKS = 52
LIFT = {
    "sku_weeks": "SKU-weeks",
    "imputed_weeks": "imputed",
    "sold": "sold",
    "demand": "demand",
    "lift": "lift",
    "lift_percent": "lift, %",
}


def months(by_month: pl.DataFrame, /) -> Markup:
    """Lift by month, every month."""
    return _table(by_month, name="months", caption="Lift by month, units", labels={"month": "month", **LIFT}, digits=1)


def departments(by_department: pl.DataFrame, /) -> Markup:
    """Lift by department, the largest."""
    labels = {"Department": "Department", **LIFT}
    shown = by_department.head(DEPARTMENTS)
    return _table(shown, name="departments", caption="Lift by department, units", labels=labels, digits=1)


def stockouts_by_year(by_class: pl.DataFrame, /) -> Markup:
    """Per cent of the SKU-weeks of each class and year that were stockouts."""
    yearly = by_class.group_by(class_label().alias("class"), pl.col(WEEK).dt.year().alias("year"), maintain_order=True)
    shares = yearly.agg((100 * pl.col(STOCKOUTS).sum() / pl.col(SKUS).sum()).alias("share"))
    wide = shares.pivot("year", index="class", values="share", sort_columns=True)
    labels = {name: name for name in wide.columns}
    return _table(wide, name="classes", caption="Per cent of SKU-weeks out of stock", labels=labels, digits=1)


def affected(skus: pl.DataFrame, /) -> Markup | None:
    """The SKUs with stockouts to which imputation adds most; None where there are none."""
    labels = {
        "rank": "rank",
        STORE: "Store",
        PRODUCT: "Product",
        "weeks": "weeks",
        STOCKOUTS: "stockouts",
        "imputed_weeks": "imputed",
        "sold": "sold",
        LOST: "added",
    }
    shown = skus.filter(pl.col(STOCKOUTS) > 0).head(AFFECTED).with_row_index("rank", offset=1)
    keyed = shown.with_columns(pl.col(STORE, PRODUCT).cast(pl.String))
    return _table(keyed, name="affected", caption="Weeks, and units", labels=labels) if shown.height else None


def imputed_weeks(weeks: pl.DataFrame, /, *, name: str) -> Markup | None:
    """The latest imputed weeks of a SKU; None where there are none."""
    filled = weeks.filter(IMPUTED).sort(WEEK)
    if filled.is_empty():
        return None
    shown = filled.tail(WEEKS)
    some = f"; the latest {WEEKS} of {filled.height:,} imputed weeks" if filled.height > WEEKS else ""
    interval = {f"{per_cent} %": _interval(per_cent) for per_cent in (50, 80)}
    labels = {
        WEEK: "week",
        "sold": "sold",
        "median": "median",
        **{column: column for column in interval},
        FLAGS: "flags",
    }
    told = shown.with_columns(**interval, median=_short("median"), sold=_short("sold"))
    return _table(told, name=name, caption=f"Demand, units{some}", labels=labels)


def _interval(per_cent: int) -> pl.Expr:
    return pl.concat_str(_short(f"low_{per_cent}"), pl.lit(" to "), _short(f"high_{per_cent}"))


def _short(name: str) -> pl.Expr:
    """A number of units as text, with decimals only where it has any."""
    return pl.col(name).map_elements("{:,.4g}".format, pl.String)


def coverage(figures: pl.DataFrame, /, *, name: str) -> Markup:
    """Coverage and width of vn2pl's intervals by class, in a part of a backtest."""
    segment = pl.col(SEGMENT).replace_strict(SEGMENT_LABELS, default="")
    label = pl.when(pl.col(SEGMENT) == ALL).then(pl.lit("all weeks")).otherwise(pl.format("{}: {}", segment, CLASS))
    chosen = figures.filter(pl.col(METHOD) == PLAN).with_columns(label.alias("class"))
    covered = {f"coverage_{per_cent}": f"{per_cent} %" for per_cent in INTERVALS}
    shown = chosen.head(DEPARTMENTS).with_columns(pl.col(*covered) * 100, pl.col("pit_deviation") * 100)
    labels = {
        "class": "class",
        "weeks": "weeks",
        **covered,
        "width_80": "width of 80 %, units",
        "pit_deviation": "PIT, largest gap, %",
    }
    return _table(shown, name=name, caption="Per cent of weeks within the intervals", labels=labels, digits=1)


def methods(figures: pl.DataFrame, /, *, name: str, reference: str) -> Markup:
    """Pinball loss of vn2pl and of simple methods, in a part of a backtest."""
    chosen = figures.filter(pl.col(SEGMENT) == ALL, pl.col("answered") > 0)
    labels = {
        METHOD: "method",
        "scaled_ratio": "scaled",
        "pinball_ratio": "plain",
        "pinball": "loss, units",
        "bias": "bias, units",
    }
    told = chosen.with_columns(pl.col(METHOD).replace_strict(LABELS))
    caption = f"Pinball loss relative to {LABELS[reference]}; scaled: every SKU counts alike; less is better"
    return _table(told, name=name, caption=caption, labels=labels, digits=3)


def pairs(values: Mapping[str, Any], /, *, name: str, caption: str) -> Markup:
    """Names and what they stand for."""
    frame = pl.DataFrame({"name": list(values), "value": [_text(value) for value in values.values()]})
    return _table(frame, name=name, caption=caption, labels={"name": "name", "value": "value"})


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"{value:,.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def count(value: float | None) -> str:
    """A number to the unit."""
    return NONE if value is None else f"{value:,.0f}"


def decimal(value: float | None, digits: int = 1) -> str:
    """A number to some decimals."""
    return NONE if value is None else f"{value:,.{digits}f}"


def _table(frame: pl.DataFrame, /, *, name: str, caption: str, labels: Mapping[str, str], digits: int = 0) -> Markup:
    """A table of the columns in ``labels``, headed by them; the first names the rows. ``name`` is its id."""
    first, *_ = labels
    shown = frame.select(pl.col(*labels)).with_columns(cs.list().cast(pl.List(pl.String)).list.join(", "))
    shown = shown.with_columns(pl.col(first).cast(pl.String).fill_null("(none)"))
    drawn = GT(shown, rowname_col=first, id=f"table-{name}").cols_label(dict(labels)).tab_stubhead(labels[first])
    for column, dtype in shown.schema.items():
        if dtype.is_numeric():
            drawn = drawn.fmt_number(column, decimals=digits if dtype.is_float() else 0)
    return _bare(drawn.sub_missing(missing_text=NONE).as_raw_html(), caption)


def _bare(html: str, caption: str) -> Markup:
    """The table element alone, without Great Tables' own style sheet and frame."""
    start, end = html.index("<table"), html.rindex("</table>")
    opening = html.index(">", start) + 1
    head, body = Markup(html[start:opening]), Markup(html[opening:end])
    return Markup("{}<caption>{}</caption>{}</table>").format(head, caption, body)
