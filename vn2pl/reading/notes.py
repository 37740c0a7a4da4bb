"""What reading noticed of a panel that is not wrong, but may not be what was meant: a sentence each."""

from collections.abc import Iterator

import polars as pl

from ..config import Config
from ..messages import rows
from ..queries.names import IN_STOCK, SALES
from .gaps import Gaps
from .judging import OFF_STEP, Facts
from .layout import Layout

# Offered as demand_unit, the largest that all sales are multiples of.
STEPS = (1.0, 0.5, 0.1, 0.01, 0.001)
ASSUMED = {
    "ignore": "they are left out; --missing-rows zero takes them for weeks in stock without sales, "
    "--missing-rows stockout for weeks out of stock",
    "zero": "they are taken for weeks in stock without sales (missing_rows: zero)",
    "stockout": "they are taken for weeks out of stock (missing_rows: stockout)",
}


def notes_on(
    facts: Facts, config: Config, /, *, layout: Layout, panel: pl.LazyFrame, step: float | None
) -> Iterator[str]:
    """Notes on the values of a panel: ``facts`` of it before missing rows were added."""
    if facts.unsold:
        yield f"sales are missing in {rows(facts.unsold, of='week')} out of stock and taken for 0"
    if facts.returns:
        yield f"sales are negative in {rows(facts.returns)} and taken for 0 (returns: clip)"
    yield from _about_flags(facts, _remedy(layout, config))
    if facts.gaps:
        yield from _about_gaps(facts.gaps, config)
    if facts.between_steps and step:
        yield _about_steps(facts.between_steps, panel, step)


def _about_flags(facts: Facts, remedy: str) -> Iterator[str]:
    if facts.mean_out is not None and facts.mean_in is not None and facts.mean_out > facts.mean_in:
        means = f"{facts.mean_out:,.2f} and {facts.mean_in:,.2f} on average"
        yield f"weeks out of stock sell more than weeks in stock ({means}): busy weeks sell out, or {remedy}"
    if 2 * facts.out > facts.rows:
        yield f"{100 * facts.out / facts.rows:.0f} % of all weeks are out of stock: SKUs were seldom there, or {remedy}"


def _remedy(layout: Layout, config: Config) -> str:
    """What to do about a flag that is the wrong way round."""
    if layout.inverse:
        return f"{layout.inverse!r} says when they were in stock, and needs another name"
    if not layout.found:
        return "the flags are inverted"
    name = config.columns.get(IN_STOCK, IN_STOCK)
    return f"the flag is inverted: columns: {{stockout: {name}}} in the config turns it round"


def _about_gaps(gaps: Gaps, config: Config) -> Iterator[str]:
    missing = f"{rows(gaps.missing, of='SKU-week')} of {rows(gaps.skus, of='SKU')}"
    closed = f", in {gaps.closed:,} of them none for the whole store" if gaps.closed else ""
    yield (
        f"no row for {missing} between the SKU's first and last one{closed}: {ASSUMED[config.missing_rows]}; "
        f"first {gaps.first}"
    )
    if gaps.step > 1:
        yield f"rows of a SKU are mostly {gaps.step} weeks apart: vn2pl takes each for a single week"


def _about_steps(count: int, panel: pl.LazyFrame, step: float) -> str:
    return (
        f"sales have fractions in {rows(count)}, but SIPs are rounded to multiples of {step:g}; "
        f"demand_unit: {_fitting(panel):g} in the config keeps them"
    )


def _fitting(panel: pl.LazyFrame) -> float:
    """The largest step that all sales are multiples of, or the smallest one."""
    off = [(pl.col(SALES) / step - (pl.col(SALES) / step).round()).abs().max() for step in STEPS]
    found = panel.select(pl.concat_list(off)).collect(engine="streaming").item()
    return next((step for step, most in zip(STEPS, found, strict=True) if most <= OFF_STEP), STEPS[-1])
