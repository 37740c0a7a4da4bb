"""The figures of a run that a planner reads first."""

import polars as pl

from .names import FLAGS, IMPUTED, IN_STOCK, SALES, SALES_OBSERVED, STOCKOUT_INFERRED
from .sums import exact_sum

FLAG_NAMES = ("no_candidates", "cold_start", "too_few_candidates", "above_candidate_max", "bound_beyond_candidates")


def summary(imputed: pl.LazyFrame, /) -> pl.LazyFrame:
    """Figures of an imputed panel: metric (String), value (Float64), one row a metric.

    Counts are of SKU-weeks; ``pct_imputed`` is per cent of all rows; means and medians are over the imputed weeks
    (sales per SKU-week, before and after); volumes are sums over the whole panel; lifts are after minus before, and
    ``volume_lift_pct`` the lift in per cent of the original volume. Then one count per flag and per level source.
    Figures of no rows, and per cent of nothing, are null.
    """
    filled = pl.col(IMPUTED)
    before, after = pl.col(SALES_OBSERVED), pl.col(SALES)
    count = filled.sum()
    original, total = exact_sum(before), exact_sum(after)
    mean_before, mean_after = (_ratio(exact_sum(sales.filter(filled)), count) for sales in (before, after))
    figures = {
        "n_rows": pl.len(),
        "n_stockouts": (~pl.col(IN_STOCK)).sum(),
        "n_imputed": count,
        "n_not_imputed": (~pl.col(IN_STOCK) & ~filled).sum(),
        "pct_imputed": _ratio(100 * count, pl.len()),
        "mean_original_sales": mean_before,
        "mean_imputed_sales": mean_after,
        "mean_lift": mean_after - mean_before,
        "median_original_sales": before.filter(filled).median(),
        "median_imputed_sales": after.filter(filled).median(),
        "total_original_volume": original,
        "total_imputed_volume": total,
        "volume_lift": total - original,
        "volume_lift_pct": _ratio(100 * (total - original), original),
        "largest_imputed_sales": after.filter(filled).max(),
        "largest_observed_sales": before.max(),
        **{f"n_{flag}": pl.col(FLAGS).list.contains(flag).sum() for flag in FLAG_NAMES},
    }
    if STOCKOUT_INFERRED in imputed.collect_schema():
        figures["n_inferred_stockout"] = pl.col(STOCKOUT_INFERRED).sum()
    wide = imputed.select(figure.cast(pl.Float64).alias(name) for name, figure in figures.items())
    return wide.unpivot(variable_name="metric", value_name="value")


def _ratio(of: pl.Expr, to: pl.Expr) -> pl.Expr:
    return pl.when(to > 0).then(of / to)
