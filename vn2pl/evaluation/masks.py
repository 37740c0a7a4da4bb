"""Which in-stock weeks a backtest hides, and what it shows of them. Seeded: the same panel and seed, the same weeks.

``blocks``
    Every SKU gets two tries of a block of 1 to 8 weeks at a uniform start; a block is taken if all of its weeks are in
    stock and at least 8 in-stock weeks of the SKU precede it.
``launch``
    The first 8 in-stock weeks of SKUs that start at least 8 weeks after the panel and have at least 60 in-stock weeks:
    no history of their own is left. Once for all such SKUs at once, then for a random half of them per seed.
``partial``
    The weeks of ``blocks``, each with a last stock drawn from the SKU's other in-stock sales, whatever the week's
    demand. Weeks are scored where 0 < stock <= demand, which is what a partial stockout is: sales are the bound.
``observed``
    The panel's own stockouts, run by run, moved to another SKU drawn at random: the same lengths, calendar weeks and
    clusters. A run is taken on the terms of a block. Runs before a SKU's first in-stock week belong to launches.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import InputError
from ..queries.names import IN_STOCK, KEY, PERIOD, ROW, SALES, SKU_CODE
from ..queries.panel import coded_panel

BOUND, SCORED = "bound", "scored"
TRIES, LONGEST_BLOCK, WEEKS_BEFORE = 2, 8, 8
LAUNCH_AFTER, LAUNCH_WEEKS, LAUNCH_HIDDEN = 8, 60, 8

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Mask(NamedTuple):
    """Weeks to hide together.

    ``hidden`` has Store, Product, week, bound (Float64, units: the sales to show), scored (Boolean), sorted by key.
    """

    part: str
    seed: int
    hidden: pl.DataFrame


class _Grid(NamedTuple):
    """The panel as SKU x calendar week, SKUs in the order of Store and Product; no row counts as out of stock.

    ``keys`` are sorted, and row i of them is at [sku[i], week[i]].
    """

    keys: pl.DataFrame
    sku: Integers
    week: Integers
    in_stock: Flags
    sales: Floats


def draw_masks(name: str, observed: pl.DataFrame, /, *, seeds: Sequence[int]) -> list[Mask]:
    """Masks of a kind (see the module), one or more per seed. Raises InputError where no week can be hidden."""
    kind = KINDS[name]
    masks = list(kind.draw(_grid(observed), seeds))
    if not masks or not all(mask.hidden[SCORED].any() for mask in masks):
        raise InputError(f"--mask {name}: no week can be hidden: {kind.needs}")
    return masks


def _grid(observed: pl.DataFrame) -> _Grid:
    rows = coded_panel(observed.lazy()).sort(ROW).collect()
    sku = rows[SKU_CODE].cast(pl.Int64).to_numpy()
    week = (rows[PERIOD].cast(pl.Int64) - rows[PERIOD].min()).to_numpy()
    shape = (sku.max(initial=-1) + 1, week.max(initial=-1) + 1)
    in_stock, sales = np.zeros(shape, np.bool_), np.zeros(shape)
    in_stock[sku, week], sales[sku, week] = rows[IN_STOCK].to_numpy(), rows[SALES].to_numpy()
    return _Grid(rows.select(KEY), sku, week, in_stock, sales)


def _hidden(grid: _Grid, weeks: Flags, *, bound: Floats | None = None, scored: Flags | None = None) -> pl.DataFrame:
    """The keys of the flagged weeks; ``bound`` and ``scored`` are in their order."""
    keys = grid.keys.filter(weeks[grid.sku, grid.week])
    return keys.with_columns(
        pl.Series(BOUND, np.zeros(keys.height) if bound is None else bound),
        pl.Series(SCORED, np.ones(keys.height, np.bool_) if scored is None else scored),
    )


def _blocks(grid: _Grid, seeds: Sequence[int]) -> Iterator[Mask]:
    for seed in seeds:
        yield Mask("blocks", seed, _hidden(grid, _block_weeks(grid.in_stock, seed)))


def _block_weeks(in_stock: Flags, seed: int) -> Flags:
    random = np.random.default_rng(seed)
    skus, weeks = in_stock.shape
    hidden = np.zeros_like(in_stock)
    if weeks <= LONGEST_BLOCK:
        return hidden
    for sku in range(skus):
        for _ in range(TRIES):
            length = random.integers(1, LONGEST_BLOCK + 1)
            start = random.integers(0, weeks - length)
            if _may_hide(in_stock[sku], start, start + length):
                hidden[sku, start : start + length] = True
    return hidden


def _may_hide(in_stock: Flags, start: int, end: int) -> bool:
    return bool(in_stock[start:end].all() and in_stock[:start].sum() >= WEEKS_BEFORE)


def _launches(grid: _Grid, seeds: Sequence[int]) -> Iterator[Mask]:
    late = grid.in_stock.argmax(axis=1) >= LAUNCH_AFTER
    skus = np.flatnonzero(late & (grid.in_stock.sum(axis=1) >= LAUNCH_WEEKS))
    yield Mask("all at once", seeds[0], _hidden(grid, _first_weeks(grid.in_stock, skus)))
    for seed in seeds if skus.size > 1 else ():
        half = np.random.default_rng(seed).choice(skus, skus.size // 2, replace=False)
        yield Mask("random halves", seed, _hidden(grid, _first_weeks(grid.in_stock, half)))


def _first_weeks(in_stock: Flags, skus: Integers) -> Flags:
    chosen = np.zeros_like(in_stock)
    chosen[skus] = in_stock[skus] & (in_stock[skus].cumsum(axis=1) <= LAUNCH_HIDDEN)
    return chosen


def _partial(grid: _Grid, seeds: Sequence[int]) -> Iterator[Mask]:
    for seed in seeds:
        weeks = _block_weeks(grid.in_stock, seed)
        stock, demand = _last_stock(grid, weeks, seed), grid.sales[weeks]
        partial = (stock > 0) & (stock <= demand)
        yield Mask("partial", seed, _hidden(grid, weeks, bound=np.where(partial, stock, 0.0), scored=partial))


def _last_stock(grid: _Grid, weeks: Flags, seed: int) -> Floats:
    """One of the SKU's in-stock sales outside its hidden weeks, for each of these."""
    random = np.random.default_rng(seed)
    left = grid.in_stock & ~weeks
    return np.array([random.choice(grid.sales[sku][left[sku]]) for sku, _ in np.argwhere(weeks)])


def _observed(grid: _Grid, seeds: Sequence[int]) -> Iterator[Mask]:
    has_row = np.zeros_like(grid.in_stock)
    has_row[grid.sku, grid.week] = True
    launched = np.maximum.accumulate(grid.in_stock, axis=1)
    runs = list(_runs(has_row & ~grid.in_stock & launched))
    for seed in seeds:
        receiver = np.random.default_rng(seed).permutation(len(grid.in_stock))
        hidden = np.zeros_like(grid.in_stock)
        for sku, start, end in runs:
            if _may_hide(grid.in_stock[receiver[sku]], start, end):
                hidden[receiver[sku], start:end] = True
        yield Mask("observed", seed, _hidden(grid, hidden))


def _runs(flags: Flags) -> Iterator[tuple[int, int, int]]:
    """Row, start and end (exclusive) of every unbroken run of true values."""
    edges = np.diff(flags.astype(np.int8), axis=1, prepend=0, append=0)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    for (row, start), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True):
        yield row, start, end


class _Kind(NamedTuple):
    draw: Callable[[_Grid, Sequence[int]], Iterator[Mask]]
    needs: str


KINDS: Mapping[str, _Kind] = {
    "blocks": _Kind(
        _blocks,
        f"expected a panel of more than {LONGEST_BLOCK} weeks with SKUs that are in stock for more than {WEEKS_BEFORE}",
    ),
    "launch": _Kind(
        _launches,
        f"expected SKUs whose first in-stock week comes {LAUNCH_AFTER} weeks after the panel's first or later, "
        f"and that have at least {LAUNCH_WEEKS} in-stock weeks",
    ),
    "partial": _Kind(
        _partial,
        f"expected a panel of more than {LONGEST_BLOCK} weeks with SKUs that are in stock for more than {WEEKS_BEFORE} "
        "and sell something in most of them",
    ),
    "observed": _Kind(
        _observed,
        f"expected stockouts after a SKU's first in-stock week, and SKUs in stock for more than {WEEKS_BEFORE} weeks",
    ),
}
