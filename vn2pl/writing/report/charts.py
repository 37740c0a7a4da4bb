"""The charts of a report as Vega-Lite specifications.

Every colour is a CSS custom property of the page, so that one chart serves light, dark and print. Hues are of Okabe and
Ito (2008); shades of one quantity differ in lightness alone.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from ...evaluation.backtest import ALL, CLASS, INTERVALS, METHOD, PLAN, SEGMENT
from ...evaluation.metrics import DECILES
from ...queries.names import IMPUTED, IN_STOCK, WEEK
from .gathering import NEVER, PATTERNS, SHARE, SKUS, STOCKOUTS, VOLUMES

Spec = dict[str, Any]
Row = Mapping[str, Any]
AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
SHADES = ("none", "under 5 %", "5 to 10 %", "10 to 20 %", "20 to 40 %", "40 % and more")
EDGES = (0.05, 0.1, 0.2, 0.4)
DEPARTMENTS = 20
WEEK_DAYS = 7
ROW_HEIGHT = 24
FAN = {
    "sold": "sold",
    "median": "imputed median",
    "low_50": "50 % from",
    "high_50": "50 % to",
    "low_80": "80 % from",
    "high_80": "80 % to",
}
ORDER = {name: number for number, name in enumerate((*VOLUMES, *PATTERNS))}
SEGMENTS = {ALL: "", "volume_class": "volume: ", "intermittency_class": "pattern: "}


def lift_by_month(months: pl.DataFrame, /) -> Spec:
    """Units that imputation adds in each month."""
    frame = months.with_columns(pl.format("{}-01", "month").str.to_date().alias("month"))
    chart = alt.Chart(frame).mark_bar(color=_css("lift"))
    return _spec(
        chart.encode(
            x=_calendar("month", timeUnit="yearmonth"),
            y=alt.Y("lift:Q", title="units added"),
            tooltip=[alt.Tooltip("month:T", timeUnit="yearmonth", title="month"), *_lift()],
        ),
        height=200,
    )


def lift_by_department(departments: pl.DataFrame, /) -> Spec:
    """Units that imputation adds in the departments where it adds most."""
    frame = departments.head(DEPARTMENTS).with_columns(
        pl.col("Department").cast(pl.String).fill_null("(none)"),
        pl.col("lift_percent").map_elements("{:+.1f} %".format, pl.String).fill_null("").alias("label"),
    )
    base = alt.Chart(frame).encode(
        x=alt.X("lift:Q", title="units added"),
        y=alt.Y("Department:N", sort=None, title=None),
        tooltip=[alt.Tooltip("Department:N"), *_lift()],
    )
    labels = base.mark_text(align="left", dx=5, color=_css("muted")).encode(text="label:N")
    return _spec(base.mark_bar(color=_css("lift")) + labels, height=ROW_HEIGHT * max(frame.height, 1))


def _lift() -> list[alt.Tooltip]:
    percent = _figure("lift_percent", ",.1f", "lift, %")
    return [*map(_figure, ("sold", "demand", "lift")), percent, _figure("imputed_weeks", title="imputed SKU-weeks")]


def stockout_heat_map(by_class: pl.DataFrame, /) -> Spec:
    """Share of each class of SKUs that was out of stock, week by week."""
    share = pl.col(STOCKOUTS) / pl.col(SKUS)
    frame = by_class.select(
        class_label().alias("class"),
        *_week(),
        SKUS,
        STOCKOUTS,
        share.round(4).alias(SHARE),
        _shade(share).alias("shade"),
    )
    rows = frame["class"].unique(maintain_order=True).to_list()
    chart = alt.Chart(frame).mark_rect()
    return _spec(
        chart.encode(
            x=_calendar(WEEK),
            x2="end:T",
            y=alt.Y("class:N", sort=rows, title=None, axis=alt.Axis(labelLimit=170, domain=False)),
            color=alt.Color(
                "shade:N",
                scale=alt.Scale(domain=list(SHADES), range=[_css(f"heat-{number}") for number in range(len(SHADES))]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("class:N"),
                _date("week"),
                _figure(STOCKOUTS, title="out of stock"),
                _figure(SKUS, title="of SKUs"),
                _figure(SHARE, ".1%"),
            ],
        ),
        height=ROW_HEIGHT * len(rows),
    )


def _shade(share: pl.Expr) -> pl.Expr:
    shade = pl.when(share > 0).then(pl.lit(SHADES[1])).otherwise(pl.lit(SHADES[0]))
    for edge, name in zip(EDGES, SHADES[2:], strict=True):
        shade = pl.when(share >= edge).then(pl.lit(name)).otherwise(shade)
    return shade


def class_label() -> pl.Expr:
    """A row of ``gathering.stockout_shares`` in words, with the SKUs of its class."""
    pattern = pl.col("intermittency_class").str.replace("_", " ")
    named = pl.concat_str(pl.col("volume_class"), pl.lit(", "), pattern)
    return pl.concat_str(named.fill_null(NEVER), pl.lit(" ("), pl.col("class_skus"), pl.lit(")"))


def fan_chart(weeks: pl.DataFrame, /) -> Spec:
    """A SKU's sales; its stockouts shaded, with the 50 % and 80 % intervals and the median of their demand."""
    frame = weeks.select(*_week(), IN_STOCK, IMPUTED, *FAN)
    told = [_date(WEEK), *(_figure(name, ",.4~g", title) for name, title in FAN.items())]
    base = alt.Chart(frame).encode(x=_calendar(WEEK), x2="end:T", tooltip=told)
    out, filled = base.transform_filter(f"!datum.{IN_STOCK}"), base.transform_filter(f"datum.{IMPUTED}")
    # A layer without anything to draw has no extent, and Vega warns of it.
    layers = [out.mark_rect(color=_css("shade"))] if not weeks[IN_STOCK].all() else []
    layers.append(_bar(base, "sold", None, "sold"))
    for per_cent in (80, 50):
        low, high = f"low_{per_cent}", f"high_{per_cent}"
        if weeks[low].count() and weeks[high].count():
            layers.append(_bar(filled, high, low, f"band-{per_cent}"))
    if weeks[IMPUTED].any():
        layers.append(filled.mark_rule(color=_css("median"), strokeWidth=2).encode(y="median:Q"))
    return _spec(alt.layer(*layers), height=190)


def _bar(base: alt.Chart, top: str, bottom: str | None, colour: str) -> alt.Chart:
    """From one column, or zero, up to another, as wide as the week."""
    foot = alt.datum(0) if bottom is None else f"{bottom}:Q"
    bar: alt.Chart = base.mark_rect(color=_css(colour)).encode(y=alt.Y(f"{top}:Q", title="units a week"), y2=foot)
    return bar


def overall(figures: pl.DataFrame, /) -> Row:
    """vn2pl's row over all weeks of a part of a backtest's table."""
    return figures.filter(pl.col(SEGMENT) == ALL, pl.col(METHOD) == PLAN).row(0, named=True)


def deciles(row: Row, /) -> list[float]:
    """Shares of the PIT's deciles in a row of a backtest's table."""
    return [row[f"pit_{number}"] for number in range(1, DECILES + 1)]


def pit_histogram(row: Row, /) -> Spec:
    """Deciles of the randomised PIT: level where the distributions are calibrated.

    The stripe holds 95 % of the deciles of as many independent weeks (normal approximation of the binomial).
    """
    expected = 1 / DECILES
    scatter = 1.96 * (expected * (1 - expected) / row["weeks"]) ** 0.5
    frame = pl.DataFrame({SHARE: deciles(row)}).with_row_index("number")
    frame = frame.select(SHARE, from_=pl.col("number") / DECILES, to=(pl.col("number") + 1) / DECILES)
    bars = (
        alt.Chart(frame)
        .mark_rect(color=_css("band-50"), stroke=_css("paper"))
        .encode(
            x=alt.X("from_:Q", title="PIT", axis=alt.Axis(format=".1f")),
            x2="to:Q",
            y=alt.Y(
                f"{SHARE}:Q",
                title="share of weeks",
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(domain=[0, max(2 * expected, *frame[SHARE])]),
            ),
            y2=alt.datum(0),
            tooltip=[_figure("from_", ".1f", "from"), _figure("to", ".1f"), _figure(SHARE, ".2%")],
        )
    )
    band = alt.Chart(pl.DataFrame({"low": [max(0.0, expected - scatter)], "high": [expected + scatter]}))
    stripe = band.mark_rect(color=_css("ink"), opacity=0.22).encode(y="low:Q", y2="high:Q")
    return _spec(bars + stripe, height=200)


def coverage_chart(figures: pl.DataFrame, /) -> Spec:
    """Share of the weeks of a part of a backtest, by class, whose demand lay in the intervals; rules: what was said."""
    chosen = figures.filter(pl.col(METHOD) == PLAN, pl.col(SEGMENT).is_in(list(SEGMENTS)))
    label = pl.concat_str(pl.col(SEGMENT).replace_strict(SEGMENTS), pl.col(CLASS).str.replace("_", " "))
    columns = {f"coverage_{percent}": f"{percent} %" for percent in INTERVALS}
    frame = (
        chosen.sort(
            pl.col(SEGMENT).cast(pl.Enum(list(SEGMENTS))),
            pl.col(CLASS).replace_strict(ORDER, default=len(ORDER)),
            CLASS,
        )
        .with_columns(pl.when(pl.col(SEGMENT) == ALL).then(pl.lit("all weeks")).otherwise(label).alias("class"))
        .rename(columns)
        .unpivot(list(columns.values()), index=["class", "weeks"], variable_name="interval", value_name=SHARE)
    )
    rows = frame["class"].unique(maintain_order=True).to_list()
    intervals = list(columns.values())
    scale = alt.Scale(domain=intervals, range=[_css(name) for name in ("interval-50", "interval-80", "interval-90")])
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            x=_share_inside(SHARE),
            y=alt.Y("class:N", sort=rows, title=None, axis=alt.Axis(labelLimit=170, grid=True)),
            color=alt.Color("interval:N", scale=scale, legend=alt.Legend(orient="bottom", title="interval")),
            shape=alt.Shape("interval:N", scale=alt.Scale(domain=intervals, range=["circle", "diamond", "square"])),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("interval:N"), _figure(SHARE, ".1%"), _figure("weeks")],
        )
    )
    said = pl.DataFrame({"interval": intervals, "said": [percent / 100 for percent in INTERVALS]})
    rules = (
        alt.Chart(said)
        .mark_rule(strokeDash=[4, 3])
        .encode(x=_share_inside("said"), color=alt.Color("interval:N", scale=scale))
    )
    return _spec(rules + points, height=ROW_HEIGHT * len(rows))


def _share_inside(name: str) -> alt.X:
    scale = alt.Scale(zero=False, domainMax=1)
    return alt.X(f"{name}:Q", title="weeks inside", axis=alt.Axis(format=".0%"), scale=scale)


def _week() -> list[pl.Expr]:
    return [pl.col(WEEK), pl.col(WEEK).dt.offset_by(f"{WEEK_DAYS}d").alias("end")]


def _calendar(name: str, **more: Any) -> alt.X:
    """A time axis with a tick a quarter, named where there is room."""
    quarters = alt.TimeIntervalStep(interval="month", step=3)
    axis = alt.Axis(format="%b %Y", tickCount=quarters, labelOverlap="parity", labelSeparation=8)
    return alt.X(f"{name}:T", title=None, axis=axis, **more)


def _css(name: str) -> str:
    return f"var(--{name})"


def _figure(name: str, form: str = ",.0f", title: str | None = None) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:Q", format=form, title=title or name)


def _date(name: str) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:T", format="%Y-%m-%d", title=name)


def _spec(chart: AnyChart, *, height: int) -> Spec:
    """As wide as the page lets it be, without marks for screen readers: the figure's text and table are theirs."""
    text = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titleColor": _css("muted")}
    lines = dict.fromkeys(("gridColor", "domainColor", "tickColor"), _css("rule"))
    styled = (
        chart.properties(width="container", height=height, background="transparent")
        .configure(font=FONT, aria=False, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
        .configure_view(stroke=None)
        .configure_axis(labelColor=_css("muted"), **text, **lines)
        .configure_axisX(grid=False)
        .configure_axisQuantitative(tickCount=5)
        .configure_legend(labelColor=_css("ink"), **text)
    )
    # The default limit of rows is there for panels; these are aggregates.
    with alt.data_transformers.enable("default", max_rows=None):
        return {key: value for key, value in styled.to_dict().items() if key != "$schema"}
