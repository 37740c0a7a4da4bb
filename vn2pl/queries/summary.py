"""The figures of a run that a planner reads first."""

import polars as pl

from .imputed import FLAG_NAMES
from .names import FLAGS, IMPUTED, IN_STOCK, SALES, SALES_OBSERVED, STOCKOUT_INFERRED
from .sums import exact_sum


def summary_figures(imputed: pl.LazyFrame, /) -> pl.LazyFrame:
    """Figures of an imputed panel: metric (String), value (Float64), one row a metric.

    Counts are of SKU-weeks; ``pct_imputed`` is per cent of all rows; means and medians are over the imputed weeks
    (sales per SKU-week, before and after); volumes are sums over the whole panel; lifts are after minus before, and
    ``volume_lift_pct`` the lift in per cent of the original volume. Then the lift of all weeks that have a flag
    (``lift_flagged``), and of each flag the number of its weeks and their lift. Figures of no rows, and per cent of
    nothing, are null.
    """
    filled = pl.col(IMPUTED)
    before, after = pl.col(SALES_OBSERVED), pl.col(SALES)
    count = filled.sum()
    original, total = exact_sum(before), exact_sum(after)
    flagged = {name: pl.col(FLAGS).list.contains(name) for name in FLAG_NAMES}

    def lift(of: pl.Expr) -> pl.Expr:
        return exact_sum((after - before).filter(of))

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
        "lift_flagged": lift(pl.any_horizontal(*flagged.values())),
        **{f"n_{name}": has.sum() for name, has in flagged.items()},
        **{f"lift_{name}": lift(has) for name, has in flagged.items()},
    }
    if STOCKOUT_INFERRED in imputed.collect_schema():
        figures["n_inferred_stockout"] = pl.col(STOCKOUT_INFERRED).sum()
    wide = imputed.select(figure.cast(pl.Float64).alias(name) for name, figure in figures.items())
    return wide.unpivot(variable_name="metric", value_name="value")


def _ratio(of: pl.Expr, to: pl.Expr) -> pl.Expr:
    return pl.when(to > 0).then(of / to)
