"""The pictures of docs/concepts.md as SVG: one small example, computed here from the same few numbers.

Colours are mid-tones on no background, readable on light and dark pages and by the colour-blind (Okabe and Ito); what
colour says, shape or a label says as well.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import accumulate
from typing import NamedTuple

BLUE, ORANGE, TEXT, LINE = "#2f81c4", "#d5642b", "#7a7f87", "#9aa0a8"
WEEKS = 14
SALES = (3, 5, 2, 4, 6, 3, 0, 0, 0, 1, 4, 5, 3, 4)
STOCKOUTS = (6, 7, 8, 9)
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
    axes = Axes(left=46, bottom=196, across=42, up=18)
    return _svg(
        "Weekly sales with four weeks of stockout",
        "Bars are sales. In four weeks there was no stock; a vertical range shows where demand may have been.",
        [
            *_frame(axes, width=WEEKS, height=8, across="weeks", up="units"),
            *(_bar(axes, week, sales) for week, sales in enumerate(SALES) if week not in STOCKOUTS),
            *(part for week in STOCKOUTS for part in _fan(axes, week)),
            _text(axes.x(8), 18, "out of stock: demand was at least what was sold", anchor="middle"),
            _text(axes.x(8), 36, "dot: the median of the SIP; line: from its 0.1 to its 0.9 quantile", anchor="middle"),
            *(_text(axes.left - 6, axes.y(units) + 4, str(units), anchor="end") for units in (0, 2, 4, 6)),
        ],
        size=(660, 236),
    )


def _bar(axes: Axes, week: int, sales: int) -> str:
    return (
        f'<rect x="{axes.x(week) + 8:g}" y="{axes.y(sales):g}" width="26" height="{sales * axes.up:g}" fill="{BLUE}"/>'
    )


def _fan(axes: Axes, week: int) -> Iterator[str]:
    """What was sold as an outline, and the SIP above it, given that demand was at least that."""
    sold, middle = SALES[week], axes.x(week) + 21
    low, median, high = (max(quantile(level), sold) for level in LEVELS)
    yield (
        f'<rect x="{axes.x(week) + 1:g}" y="{axes.y(8):g}" width="40" height="{8 * axes.up:g}" '
        f'fill="{ORANGE}" fill-opacity="0.12"/>'
    )
    if sold:
        yield _bar(axes, week, sold)
    yield _line((middle, axes.y(low)), (middle, axes.y(high)), colour=ORANGE, width=3)
    yield f'<circle cx="{middle:g}" cy="{axes.y(median):g}" r="5.5" fill="{ORANGE}"/>'


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
