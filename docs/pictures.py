"""The pictures of the pages as SVG: stockouts of the demo panel, and one small example computed here.

Colours are mid-tones on no background, readable on light and dark pages and by the colour-blind (Okabe and Ito); what
colour says, shape or a label says as well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any, NamedTuple

import vn2pl

BLUE, ORANGE, TEXT, LINE = "#2f81c4", "#d5642b", "#7a7f87", "#9aa0a8"
# A SKU of the demo panel of the quick start, and 26 weeks of it.
DEMO, SKU, FROM, WEEKS, TALLEST = {"skus": 60, "weeks": 104}, {"Store": 3, "Product": 0}, 17, 26, 33
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# A few neighbours of one stockout: what each sold, rescaled, and its weight.
LENT = (
    (0, 0.3),
    (1, 0.9),
    (2, 1.05),
    (2, 0.8),
    (3, 1.0),
    (3, 0.9),
    (3, 0.5),
    (4, 0.9),
    (4, 0.6),
    (5, 0.7),
    (6, 0.5),
    (8, 0.3),
)
LEVELS = (0.1, 0.5, 0.9)


class Axes(NamedTuple):
    """Where values lie in a picture: x and y of the origin, and pixels per unit to the right and upwards."""

    left: float
    bottom: float
    across: float
    up: float

    def x(self, value: float) -> float:
        return self.left + value * self.across

    def y(self, value: float) -> float:
        return self.bottom - value * self.up


def drawn() -> dict[str, str]:
    """Every picture by its file name."""
    return {"stockout.svg": _stockout(), "sip.svg": _sip()}


def distribution() -> dict[int, float]:
    """Cumulated share of the weight by units."""
    total = sum(weight for _, weight in LENT)
    units = range(max(units for units, _ in LENT) + 1)
    mass = (sum(weight for lent, weight in LENT if lent == unit) / total for unit in units)
    return dict(zip(units, accumulate(mass), strict=True))


def quantile(level: float) -> int:
    """The smallest number of units whose cumulated share reaches the level."""
    return min(units for units, share in distribution().items() if share >= level)


def _stockout() -> str:
    axes = Axes(left=40, bottom=244, across=26, up=6)
    weeks = _weeks_of_demo()
    return _svg(
        "Half a year of one SKU of the demo panel",
        "Bars are sales. Shaded weeks were out of stock: a line shows the SIP from its 0.1 to its 0.9 quantile, a dot "
        "its median, and a hollow diamond what customers truly wanted, which only a generated panel knows.",
        [
            *_frame(axes, width=WEEKS, height=TALLEST, across="weeks", up="units"),
            *(part for place, week in enumerate(weeks) for part in _week(axes, place, week)),
            *(_text(axes.left - 6, axes.y(units) + 4, str(units), anchor="end") for units in range(0, TALLEST, 10)),
            *_legend(),
        ],
        size=(730, 282),
    )


def _weeks_of_demo() -> list[dict[str, Any]]:
    """Per week: sales, the true demand, and the SIP by level where the week was out of stock."""
    demo = vn2pl.demo_panel(**DEMO)
    sips = vn2pl.sips(demo.panel.lazy()).filter(**SKU).collect()
    by_level = sips.pivot("quantile", index="week", values="value")
    return (
        demo.panel.filter(**SKU)
        .join(demo.demand, on=["Store", "Product", "week"])
        .join(by_level, on="week", how="left")
        .sort("week")
        .slice(FROM, WEEKS)
        .to_dicts()
    )


def _week(axes: Axes, place: int, week: Mapping[str, Any]) -> Iterator[str]:
    """What was sold as a bar; out of stock the SIP and the truth above it."""
    left, middle = axes.x(place), axes.x(place + 0.5)
    if not week["in_stock"]:
        yield (
            f'<rect x="{left:g}" y="{axes.y(TALLEST):g}" width="{axes.across:g}" height="{TALLEST * axes.up:g}" '
            f'fill="{ORANGE}" fill-opacity="0.12"/>'
        )
    if week["sales"]:
        yield (
            f'<rect x="{left + 5:g}" y="{axes.y(week["sales"]):g}" width="{axes.across - 10:g}" '
            f'height="{week["sales"] * axes.up:g}" fill="{BLUE}"/>'
        )
    if week["0.5"] is not None:
        yield from _fan(middle, *(axes.y(week[level]) for level in ("0.1", "0.5", "0.9")))
        yield _diamond(middle, axes.y(week["demand"]))
    if place == 0 or week["week"].day <= 7:
        yield _text(middle, axes.bottom + 16, MONTHS[week["week"].month - 1], anchor="middle")


def _fan(x: float, low: float, median: float, high: float) -> Iterator[str]:
    yield _line((x, low), (x, high), colour=ORANGE, width=3)
    yield f'<circle cx="{x:g}" cy="{median:g}" r="5" fill="{ORANGE}"/>'


def _diamond(x: float, y: float) -> str:
    return (
        f'<path d="M{x:g},{y - 7:g}L{x + 7:g},{y:g}L{x:g},{y + 7:g}L{x - 7:g},{y:g}Z" fill="none" stroke="{TEXT}" '
        'stroke-width="2"/>'
    )


def _legend() -> Iterator[str]:
    yield f'<rect x="120" y="8" width="14" height="12" fill="{BLUE}"/>'
    yield _text(140, 18, "sold", anchor="start")
    yield f'<rect x="186" y="8" width="14" height="12" fill="{ORANGE}" fill-opacity="0.25"/>'
    yield _text(206, 18, "out of stock", anchor="start")
    yield from _fan(298, 22, 14, 6)
    yield _text(310, 18, "SIP: 0.1 quantile, median, 0.9 quantile", anchor="start")
    yield _diamond(560, 14)
    yield _text(574, 18, "true demand", anchor="start")


def _sip() -> str:
    left, right = Axes(left=46, bottom=190, across=28, up=50), Axes(left=382, bottom=190, across=28, up=150)
    return _svg(
        "From what neighbours lend to quantiles",
        "Left: the weight of the neighbours by the units they lend. Right: the same cumulated; the level 0.5 reads the "
        "median, the level 0.9 the 0.9 quantile.",
        [
            *_frame(left, width=9.5, height=3, across="units lent", up="weight"),
            *_weights(left),
            *_frame(right, width=9.5, height=1, across="units", up="share of the weight, cumulated"),
            *_steps(right),
            *(part for level in LEVELS for part in _reading(right, level)),
        ],
        size=(690, 232),
    )


def _weights(axes: Axes) -> Iterator[str]:
    for units in distribution():
        reached = 0.0
        for weight in (weight for lent, weight in LENT if lent == units):
            yield (
                f'<rect x="{axes.x(units) + 3:g}" y="{axes.y(reached + weight) + 1:g}" width="22" '
                f'height="{weight * axes.up - 2:g}" fill="{BLUE}" rx="2"/>'
            )
            reached += weight
        yield _text(axes.x(units) + 14, axes.bottom + 14, str(units), anchor="middle")


def _steps(axes: Axes) -> Iterator[str]:
    path = [f"M{axes.x(0):g},{axes.y(0):g}"]
    for units, share in distribution().items():
        path.append(f"V{axes.y(share):g}H{axes.x(units + 1):g}")
        yield _text(axes.x(units), axes.bottom + 14, str(units), anchor="middle")
    yield f'<path d="{"".join(path)}" fill="none" stroke="{BLUE}" stroke-width="2.5"/>'


def _reading(axes: Axes, level: float) -> Iterator[str]:
    """From a level across to the steps and down to the units."""
    units = quantile(level)
    corner = (axes.x(units), axes.y(level))
    yield _line((axes.x(0), axes.y(level)), corner, colour=ORANGE, dashes="5 4")
    yield _line(corner, (axes.x(units), axes.bottom), colour=ORANGE, dashes="5 4")
    yield f'<circle cx="{corner[0]:g}" cy="{corner[1]:g}" r="4.5" fill="{ORANGE}"/>'
    yield _text(axes.left - 6, axes.y(level) + 4, f"{level:g}", anchor="end")


def _frame(axes: Axes, *, width: float, height: float, across: str, up: str) -> Iterator[str]:
    yield _line((axes.x(0), axes.bottom), (axes.x(width), axes.bottom), colour=LINE)
    yield _line((axes.x(0), axes.bottom), (axes.x(0), axes.y(height)), colour=LINE)
    yield _text(axes.x(width), axes.bottom + 30, across, anchor="end")
    yield _text(axes.left - 6, axes.y(height) - 8, up, anchor="start")


def _line(start: Sequence[float], end: Sequence[float], *, colour: str, width: float = 1.5, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashed}/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{TEXT}">{escape(text)}</text>'


def _svg(title: str, description: str, parts: Iterable[str], *, size: tuple[int, int]) -> str:
    body = "\n".join(f"  {part}" for part in parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" '
        f'height="{size[1]}" role="img" font-family="system-ui, sans-serif" font-size="12">\n'
        f"  <title>{escape(title)}</title>\n  <desc>{escape(description)}</desc>\n{body}\n</svg>\n"
    )
