"""Cold level: what a SKU sells by the look of the others, whatever it sold itself.

Every week the levels of the SKUs that have settled are regressed on the mean levels of the others of their cells. Each
is left out of its own cells, so that each is a rehearsal of a launch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...names import LEVEL_SOURCE, OWN_WEEKS, PERIOD, PRODUCT, STORE
from ...sums import in_steps, sum_of_others_in
from ..history import FIRST_SALES
from .cells import SIDES, By, Cell
from .exact import (
    COEFFICIENT_STEPS,
    FEATURE_STEPS,
    Floats,
    Integers,
    eliminated,
    in_coefficient_steps,
    in_feature_steps,
    products,
    weeks_of,
)
from .levels import log_level

TRUST, TRUSTED, MIDDLE, OWN = "trust", "trusted_level", "middle_level", "own_level"
# SKUs that everybody counts for beside those of a cell; the rows that the prior counts for; and the prior itself,
# shared by the cells of a side.
PEERS = 0.2
PRIOR_ROWS = 150.0
PRIORS: Mapping[By, float] = {(PRODUCT,): 0.6, (STORE,): 0.3}
PART_OF_STORE = 0.2


def cold_level(panel: pl.LazyFrame, groups: Sequence[Cell], /, *, settled_weeks: int) -> pl.LazyFrame:
    """The panel with cold_level (log) and level_source (String)."""
    circles, groups = _circles(groups), [cell for cell in groups if len(cell.by) > 1 or cell.by in SIDES]
    names, prior = [_mean(cell) for cell in groups], _prior(groups)
    trust, own = (pl.col(OWN_WEEKS) / settled_weeks).clip(upper_bound=1.0), log_level()
    others, levels = (sum_of_others_in(pl.col(PERIOD), name) for name in (TRUST, TRUSTED))
    nobody = pl.when(pl.col(OWN_WEEKS) > 0).then(own).otherwise(pl.col(FIRST_SALES).log())
    compared = (
        panel.with_columns(
            in_steps(trust).alias(TRUST),
            in_steps(trust * own).alias(TRUSTED),
            *(cell.key() for cell in dict.fromkeys([*groups, *circles])),
        )
        .with_columns(pl.when(others > 0).then(levels / others).otherwise(nobody).alias(MIDDLE))
        .with_columns(
            in_feature_steps(own - pl.col(MIDDLE)).alias(OWN),
            *map(_trust_of_others, circles),
            *map(_mean_of_others, groups),
        )
        .with_columns(_source(circles))
        .drop(TRUST, TRUSTED, *{cell.column for cell in (*groups, *circles)}, *map(_trust, circles))
    )
    found = compared.map_batches(
        lambda rows: _regressed(rows, names, prior, settled_weeks=settled_weeks),
        schema={**compared.collect_schema(), "cold_level": pl.Float64},
    )
    return found.drop(MIDDLE, OWN, *names)


def _mean_of_others(cell: Cell) -> pl.Expr:
    """How far the others' levels lie from the middle."""
    trust, levels = (sum_of_others_in(pl.col(cell.column), name) for name in (TRUST, TRUSTED))
    mean = (levels - trust * pl.col(MIDDLE)) / (trust + PEERS)
    return in_feature_steps(pl.when(pl.col(PERIOD) >= cell.since).then(mean).otherwise(0.0)).alias(_mean(cell))


def _trust_of_others(cell: Cell) -> pl.Expr:
    return sum_of_others_in(pl.col(cell.column), TRUST).alias(_trust(cell))


def _prior(groups: Sequence[Cell]) -> Floats:
    """That products and stores differ is known beforehand: each counts, a store above all by its part that is alike."""
    return np.array([PRIORS.get(cell.by, PART_OF_STORE if STORE in cell.by else 0.0) for cell in groups])


def _regressed(rows: pl.DataFrame, names: Sequence[str], prior: Floats, *, settled_weeks: int) -> pl.DataFrame:
    """Ridge regression of every period by itself, and what it says of every row."""
    if not names:
        return rows.with_columns(pl.col(MIDDLE).alias("cold_level"))
    features, middle = rows.select(names).to_numpy(order="c"), rows[MIDDLE].to_numpy()
    own, settled = rows[OWN].to_numpy(), (rows[OWN_WEEKS] >= settled_weeks).to_numpy()
    weeks, size = list(weeks_of(rows[PERIOD].to_numpy())), len(names)
    sums = [
        products(known[:, :size], known)
        for _, places in weeks
        for known in [_known(features, own, places[settled[places]])]
    ]
    system = np.array(sums).reshape(-1, size, size + 1) / FEATURE_STEPS**2
    right = system[..., size:] + PRIOR_ROWS * prior[:, None]
    weights = in_coefficient_steps(eliminated(system[..., :size] + PRIOR_ROWS * np.eye(size), right))
    told = np.empty(rows.height)
    for (_, places), of_week in zip(weeks, weights, strict=True):
        told[places] = (features[places].astype(np.float64) @ of_week)[:, 0]
    return rows.with_columns(pl.Series("cold_level", middle + told / (FEATURE_STEPS * COEFFICIENT_STEPS)))


def _known(features: NDArray[np.int16], level: Integers, places: Integers) -> Floats:
    return np.concatenate([features[places], level[places, None]], axis=1).astype(np.float64)


def _source(circles: Sequence[Cell]) -> pl.Expr:
    """Whose sales the level rests on: the SKU's own, else those of the narrowest group that has somebody."""
    source = pl.when(sum_of_others_in(pl.col(PERIOD), TRUST) > 0).then(pl.lit("panel")).otherwise(pl.lit("prior"))
    for cell in reversed(circles):
        source = pl.when(pl.col(_trust(cell)) > 0).then(pl.lit(cell.name)).otherwise(source)
    return pl.when(pl.col(OWN_WEEKS) > 0).then(pl.lit("own")).otherwise(source).alias(LEVEL_SOURCE)


def _circles(groups: Sequence[Cell]) -> list[Cell]:
    """Whom a level may be said to come from, the narrowest first: the product, then one attribute or the other."""
    return [cell for cell in groups if len(cell.by) == 1 and cell.by != (STORE,)]


def _mean(cell: Cell) -> str:
    return f"mean level of {cell.name}"


def _trust(cell: Cell) -> str:
    return f"trust in {cell.name}"
