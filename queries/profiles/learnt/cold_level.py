"""Cold level: what a SKU sells by the look of the others, whatever it sold itself.

Every week the levels of the SKUs that have settled are regressed on the mean levels of the others of their cells. Each
is left out of its own cells, so that each is a rehearsal of a launch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ...names import LEVEL_SOURCE, OWN_WEEKS, PERIOD, PRODUCT, STORE
from ...sums import added, in_steps, sum_of_others_in
from ..history import FIRST_SALES
from .cells import By, Cell
from .exact import (
    COEFFICIENT_STEPS,
    FEATURE_STEPS,
    Floats,
    eliminated,
    in_coefficient_steps,
    in_feature_steps,
    products,
    weeks_of,
)
from .levels import log_level

TRUST, TRUSTED, MIDDLE, OWN = "trust", "trusted_level", "middle_level", "own_level"
SETTLED = "settled"
# SKUs that everybody counts for beside those of a cell; the rows that the prior counts for; and the prior itself,
# shared by the cells of a side.
PEERS = 0.2
PRIOR_ROWS = 150.0
PRIORS: Mapping[By, float] = {(PRODUCT,): 0.6, (STORE,): 0.3}
PART_OF_STORE = 0.2


def cold_level(panel: pl.LazyFrame, groups: Sequence[Cell], /, *, settled_weeks: int) -> pl.LazyFrame:
    """The panel with cold_level (log) and level_source (String)."""
    groups = [cell for cell in groups if cell.by]
    names = [_mean(cell) for cell in groups]
    trust, own = (pl.col(OWN_WEEKS) / settled_weeks).clip(upper_bound=1.0), log_level()
    others, levels = (sum_of_others_in(pl.col(PERIOD), name) for name in (TRUST, TRUSTED))
    nobody = pl.when(pl.col(OWN_WEEKS) > 0).then(own).otherwise(pl.col(FIRST_SALES).log())
    compared = (
        panel.with_columns(in_steps(trust).alias(TRUST), in_steps(trust * own).alias(TRUSTED))
        .with_columns(pl.when(others > 0).then(levels / others).otherwise(nobody).alias(MIDDLE))
        .with_columns(
            (own - pl.col(MIDDLE)).alias(OWN), *map(_trust_of_others, _circles(groups)), *map(_mean_of_others, groups)
        )
        .with_columns(_source(groups))
    )
    if groups:
        compared = compared.cache()
        compared = compared.join(
            _weights(compared, groups, settled_weeks=settled_weeks), on=PERIOD, how="left", maintain_order="left"
        )
    told = added(pl.col(name) * pl.col(_weight(name)) for name in names) / FEATURE_STEPS
    return compared.with_columns((pl.col(MIDDLE) + told).alias("cold_level")).drop(
        TRUST, TRUSTED, MIDDLE, OWN, *names, *map(_trust, _circles(groups)), *(_weight(name) for name in names)
    )


def _mean_of_others(cell: Cell) -> pl.Expr:
    """How far the others' levels lie from the middle."""
    trust, levels = (sum_of_others_in(pl.col(cell.column), name) for name in (TRUST, TRUSTED))
    mean = (levels - trust * pl.col(MIDDLE)) / (trust + PEERS)
    return in_feature_steps(pl.when(pl.col(PERIOD) >= cell.since).then(mean).otherwise(0.0)).alias(_mean(cell))


def _trust_of_others(cell: Cell) -> pl.Expr:
    return sum_of_others_in(pl.col(cell.column), TRUST).alias(_trust(cell))


def _weights(compared: pl.LazyFrame, groups: Sequence[Cell], *, settled_weeks: int) -> pl.LazyFrame:
    """Of every period how much the mean level of each cell tells of a SKU's."""
    names, prior = [_mean(cell) for cell in groups], _prior(groups)
    rows = compared.select(
        PERIOD, (pl.col(OWN_WEEKS) >= settled_weeks).alias(SETTLED), in_feature_steps(pl.col(OWN)), *names
    )
    weights = [_weight(name) for name in names]
    return rows.map_batches(
        lambda known: _regressed(known, names, prior).rename(dict(zip(names, weights, strict=True))),
        schema={PERIOD: pl.Int32, **dict.fromkeys(weights, pl.Float64)},
    )


def _prior(groups: Sequence[Cell]) -> Floats:
    """That products and stores differ is known beforehand: each counts, a store above all by its part that is alike."""
    return np.array([PRIORS.get(cell.by, PART_OF_STORE if STORE in cell.by else 0.0) for cell in groups])


def _regressed(rows: pl.DataFrame, names: Sequence[str], prior: Floats) -> pl.DataFrame:
    """Ridge regression of every period by itself."""
    settled, size = rows[SETTLED].to_numpy(), len(names)
    values = rows.select(*names, OWN).to_numpy()
    periods, sums = [], []
    for period, week in weeks_of(rows[PERIOD].to_numpy()):
        known = values[week[settled[week]]].astype(np.float64)
        periods.append(period)
        sums.append(products(known[:, :size], known))
    system = np.array(sums).reshape(-1, size, size + 1) / FEATURE_STEPS**2
    ridge = PRIOR_ROWS * np.eye(size)
    found = eliminated(system[..., :size] + ridge, system[..., size:] + PRIOR_ROWS * prior[:, None])[..., 0]
    weights = in_coefficient_steps(found) / COEFFICIENT_STEPS
    return pl.DataFrame({PERIOD: pl.Series(periods, dtype=pl.Int32), **dict(zip(names, weights.T, strict=True))})


def _source(groups: Sequence[Cell]) -> pl.Expr:
    """Whose sales the level rests on: the SKU's own, else those of the narrowest group that has somebody."""
    source = pl.when(sum_of_others_in(pl.col(PERIOD), TRUST) > 0).then(pl.lit("panel")).otherwise(pl.lit("prior"))
    for cell in reversed(_circles(groups)):
        source = pl.when(pl.col(_trust(cell)) > 0).then(pl.lit(cell.name)).otherwise(source)
    return pl.when(pl.col(OWN_WEEKS) > 0).then(pl.lit("own")).otherwise(source).alias(LEVEL_SOURCE)


def _circles(groups: Sequence[Cell]) -> list[Cell]:
    """Whom a level may be said to come from, the narrowest first: the product, then one attribute or the other."""
    return [cell for cell in groups if len(cell.by) == 1 and cell.by != (STORE,)]


def _mean(cell: Cell) -> str:
    return f"mean level of {cell.name}"


def _trust(cell: Cell) -> str:
    return f"trust in {cell.name}"


def _weight(name: str) -> str:
    return f"weight of {name}"
