"""The published frames of a panel, each with one line, lazy until collected.

Every call plans its frame from the panel on, and every ``collect`` computes all of it: sips, imputed and neighbours
each cost a whole search. For more than one question ask a run (see ``vn2pl.impute``), which searches once.

``panel`` has Store, Product, week (Date), sales (Float64), in_stock (Boolean) and attributes, as from ``scan_panel``.
"""

import polars as pl

from .. import queries
from ..config import Config

DEFAULT = Config()


def features(panel: pl.LazyFrame, config: Config = DEFAULT, /) -> pl.LazyFrame:
    """What the profile knows of every SKU-week, such as its expected demand: one row per row of the panel.

    To collect it costs no search.
    """
    return queries.features(panel, config)


def neighbours(panel: pl.LazyFrame, config: Config = DEFAULT, /) -> pl.LazyFrame:
    """Each stockout's neighbours: Store, Product, week, rank, neighbour_store, neighbour_product, neighbour_week,
    distance, weight, demand (the neighbour's sales rescaled to the stockout, units).

    Each collect costs a whole search; a run (see ``vn2pl.impute``) searches once for all frames.
    """
    return queries.plan(panel, config).neighbours


def sips(panel: pl.LazyFrame, config: Config = DEFAULT, /) -> pl.LazyFrame:
    """Each stockout's distribution of demand: Store, Product, week, quantile (the level), value (units).

    Each collect costs a whole search; a run (see ``vn2pl.impute``) searches once for all frames.
    """
    return queries.plan(panel, config).sips


def imputed(panel: pl.LazyFrame, config: Config = DEFAULT, /) -> pl.LazyFrame:
    """The panel with medians in place of censored sales, and what stands behind each (see ``queries.imputed_panel``).

    Each collect costs a whole search; a run (see ``vn2pl.impute``) searches once for all frames.
    """
    return queries.imputed_panel(panel, queries.plan(panel, config).outcomes)


def summary(panel: pl.LazyFrame, config: Config = DEFAULT, /) -> pl.LazyFrame:
    """The figures of an imputation: metric, value (see ``queries.summary_figures``).

    Each collect costs a whole search; a run (see ``vn2pl.impute``) searches once for all frames.
    """
    return queries.summary_figures(imputed(panel, config))


def sample(sips: pl.LazyFrame, /, n: int, seed: int = 0, *, demand_unit: float = DEFAULT.demand_unit) -> pl.LazyFrame:
    """``n`` Monte-Carlo draws of demand from each SIP: Store, Product, week, draw (from 1), value (units).

    Draws are multiples of ``demand_unit``, and their quantiles are the SIP's; a draw depends on its key, its number and
    ``seed`` alone (see ``queries.draw_samples``). Raises ValueError where a number is out of its range.
    """
    if not 1 <= n < 2**32:
        raise ValueError(f"n: expected a number of draws from 1, got {n}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed: expected a number from 0 to 2**63 - 1, got {seed}")
    if not 0 < demand_unit < float("inf"):
        raise ValueError(f"demand_unit: expected a number above 0, got {demand_unit}")
    return queries.draw_samples(sips, n=n, seed=seed, demand_unit=demand_unit)
