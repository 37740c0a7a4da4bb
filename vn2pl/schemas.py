"""The contract with readers: every published column, flag, status, figure and key of ``run.json``, declared once.

``docs/output.md`` and the words of ``vn2pl why`` come from here; tests hold it against the files that commands write.
"""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from .queries import names

UNITS, UNITS_A_WEEK, PER_CENT, SHARE, WEEKS = "units", "units a week", "%", "0 to 1", "SKU-weeks"


class Column(NamedTuple):
    """A column of a published frame.

    ``dtype`` is None where the type is that of the input. A name such as ``pinball_<level>`` stands for a column per
    level. ``is_optional`` columns are there in some runs only.
    """

    name: str
    dtype: pl.DataType | None
    meaning: str = ""
    unit: str = ""
    is_optional: bool = False


class Term(NamedTuple):
    """A flag or a status: the sentence that ``vn2pl why`` prints, and what the reference says."""

    sentence: str
    meaning: str


class Figure(NamedTuple):
    """A metric of the summary: ``n_<flag>`` stands for one per flag; optional ones are there in some runs only."""

    meaning: str
    unit: str = WEEKS
    is_optional: bool = False


_KEY = (Column(names.STORE, None), Column(names.PRODUCT, None), Column(names.WEEK, pl.Date(), "first day of the week"))
_ATTRIBUTES = "<attribute>"
_OWN_WEEKS = Column(names.OWN_WEEKS, pl.UInt32(), "in-stock weeks of the SKU itself that were used", "weeks")
_LEVEL_SOURCE = Column(
    names.LEVEL_SOURCE,
    pl.String(),
    "whose sales the level rests on: `own`, an attribute such as `Product`, `panel` or `prior`",
)


def _numbered(stem: str, meaning: str, unit: str, dtype: pl.DataType) -> tuple[Column, ...]:
    """A column for each interval that a backtest judges."""
    return tuple(Column(f"{stem}_{share}", dtype, meaning.format(share), unit) for share in (50, 80, 90))


IMPUTED_COLUMNS = (
    *_KEY,
    Column(names.SALES, pl.Float64(), "the median of the SIP where imputed, else as observed", UNITS),
    Column(names.IN_STOCK, pl.Boolean(), "as in the input"),
    Column(_ATTRIBUTES, None, "the input's other columns"),
    Column(
        names.STOCKOUT_INFERRED,
        pl.Boolean(),
        "with `--infer-stockouts` only: whether `in_stock` is false because sales suggest it",
        is_optional=True,
    ),
    Column(names.SALES_OBSERVED, pl.Float64(), "what was sold", UNITS),
    Column(names.IMPUTED, pl.Boolean(), "whether `sales` is imputed"),
    Column(names.STATUS, pl.String(), "see below"),
    _OWN_WEEKS,
    _LEVEL_SOURCE,
    Column(names.CANDIDATES, pl.UInt32(), "in-stock weeks that the stockout was compared with", WEEKS),
    Column(names.NEIGHBOURS, pl.UInt32(), "those of them that make up its SIP", WEEKS),
    Column(names.FLAGS, pl.List(pl.String()), "reasons to be wary, see below"),
)
SIPS_COLUMNS = (
    *_KEY,
    Column(names.QUANTILE, pl.Float64(), "the level", SHARE),
    Column(names.VALUE, pl.Float64(), "demand is at most this with the probability of the level", UNITS),
)
NEIGHBOURS_COLUMNS = (
    *_KEY,
    Column(names.RANK, pl.UInt32(), "1 is the nearest"),
    Column("neighbour_store", None, "the in-stock week that lends its sales: its store, ..."),
    Column("neighbour_product", None, "... its product ..."),
    Column("neighbour_week", pl.Date(), "... and its first day"),
    Column(names.DISTANCE, pl.Float64(), "by the profile"),
    Column(names.WEIGHT, pl.Float64(), "how much it counts in the SIP"),
    Column(names.DEMAND, pl.Float64(), "what it sold, rescaled to the stockout", UNITS),
)
BACKTEST_ROWS_COLUMNS = (
    Column("part", pl.String(), "which mask; launches have two parts"),
    Column("seed", pl.Int64(), "of the mask"),
    Column("method", pl.String(), "who answered: `vn2pl` or a simple method"),
    *_KEY,
    Column("bound", pl.Float64(), "the sales that were shown", UNITS),
    Column(names.DEMAND, pl.Float64(), "what was sold in truth", UNITS),
    Column("Department", pl.String(), "where the panel has it", is_optional=True),
    Column("scale", pl.Float64(), "mean in-stock sales of the SKU + 0.5", UNITS),
    Column("volume_class", pl.String(), "third of the SKUs by volume: `low`, `middle`, `high`"),
    Column(
        "intermittency_class", pl.String(), "`smooth`, `erratic`, `intermittent`, `lumpy`, `no_sales` (Syntetos-Boylan)"
    ),
    _OWN_WEEKS,
    _LEVEL_SOURCE,
    Column("pinball", pl.Float64(), "mean pinball loss over the levels", UNITS),
    Column("scaled_pinball", pl.Float64(), "`pinball` / `scale`"),
    Column("crps", pl.Float64(), "continuous ranked probability score from the quantiles", UNITS),
    Column("error", pl.Float64(), "median less demand", UNITS),
    *_numbered("covered", "whether demand lay in the {} % interval, ends included", "", pl.Boolean()),
    *_numbered("width", "width of the {} % interval", UNITS, pl.Float64()),
    Column("pit", pl.Float64(), "randomised probability integral transform", SHARE),
    Column("pinball_<level>", pl.Float64(), "pinball loss of that level", UNITS),
    Column("answered", pl.Boolean(), "false: the method knew nothing, and the shown sales stand in"),
)
BACKTEST_TABLE_COLUMNS = (
    Column("part", pl.String(), "as in the rows"),
    Column("segment", pl.String(), "`all`, `volume_class`, `intermittency_class`, `level_source`, `Department`"),
    Column("class", pl.String(), "of the segment"),
    Column("method", pl.String(), "as in the rows"),
    Column("scaled_ratio", pl.Float64(), "scaled pinball loss over that of the reference, on the same weeks"),
    Column("pinball_ratio", pl.Float64(), "pinball loss over that of the reference"),
    Column("scaled_ratio_sd", pl.Float64(), "standard deviation of `scaled_ratio` over the seeds"),
    Column("pinball_ratio_sd", pl.Float64(), "of `pinball_ratio`"),
    Column("weeks", pl.UInt32(), "rows", WEEKS),
    Column("answered", pl.Float64(), "weeks that the method answered", SHARE),
    Column("scaled_pinball", pl.Float64(), "mean"),
    Column("pinball", pl.Float64(), "mean", UNITS),
    Column("crps", pl.Float64(), "mean", UNITS),
    Column("pinball_<level>", pl.Float64(), "mean", UNITS),
    Column("bias", pl.Float64(), "mean of median less demand", UNITS),
    *_numbered("coverage", "weeks inside the {} % interval", SHARE, pl.Float64()),
    *_numbered("width", "mean width of the {} % interval", UNITS, pl.Float64()),
    Column("pit_deviation", pl.Float64(), "largest distance of a PIT decile from 0.1"),
    Column("pit_chi_square", pl.Float64(), "Pearson's statistic per row"),
    Column("pit_<decile>", pl.Float64(), "weeks in each tenth, 1 to 10", SHARE),
)
DEMO_DEMAND_COLUMNS = (*_KEY, Column(names.DEMAND, pl.Float64(), "the true demand", UNITS))

FRAMES: Mapping[str, tuple[Column, ...]] = {
    "imputed": IMPUTED_COLUMNS,
    "sips": SIPS_COLUMNS,
    "neighbours": NEIGHBOURS_COLUMNS,
    "backtest_rows": BACKTEST_ROWS_COLUMNS,
    "backtest_table": BACKTEST_TABLE_COLUMNS,
    "demo_demand": DEMO_DEMAND_COLUMNS,
}

STATUSES: Mapping[str, Term] = {
    "observed": Term("observed", "in stock: `sales` is what was sold"),
    "imputed": Term("imputed", "a stockout with a SIP"),
    "no_candidates": Term(
        "not imputed: there is no in-stock week that it may learn from", "a stockout without a SIP, see the flag"
    ),
}
FLAGS: Mapping[str, Term] = {
    "no_candidates": Term(
        "no candidates: no in-stock week that it may learn from",
        "no in-stock week that it may learn from: no SIP, `sales` stays what was sold",
    ),
    "cold_start": Term(
        "cold start: no in-stock week of its own, so its level is that of other SKUs",
        "the SKU has no in-stock week of its own that could be used, so its level is that of other SKUs",
    ),
    "too_few_candidates": Term(
        "too few candidates: fewer in-stock weeks to compare with than neighbours sought",
        "fewer candidates than the neighbours sought: `n_neighbors`, more for a SKU with little history or where "
        "something was sold",
    ),
    "above_candidate_max": Term(
        "above candidate maximum: its highest quantile is more than any SKU sold in those weeks",
        "the highest quantile is more than any SKU sold in the weeks it may learn from",
    ),
    "median_above_max": Term(
        "median above maximum: the median is more than any SKU of its kind sold in those weeks",
        "the median is more than any SKU of its kind (division) sold in the weeks it may learn from",
    ),
    "bound_beyond_candidates": Term(
        "bound beyond candidates: it sold more already than its neighbours would have",
        "what was sold is already more than the neighbours would have sold",
    ),
    "inferred_stockout": Term(
        "inferred stockout: the panel does not say so; its sales suggest it (--infer-stockouts)",
        "with `--infer-stockouts` only: the panel does not say that it was out of stock, its sales suggest it",
    ),
}
LEVEL_SOURCES: Mapping[str, str] = {
    "own": "its own weeks",
    "panel": "the whole panel",
    "prior": "the configured prior",
}

FIGURES: Mapping[str, Figure] = {
    "n_rows": Figure("of the panel"),
    "n_stockouts": Figure("out of stock"),
    "n_imputed": Figure("of them with a SIP"),
    "n_not_imputed": Figure("of them without"),
    "pct_imputed": Figure("imputed weeks, of all rows", PER_CENT),
    "mean_original_sales": Figure("sold in the imputed weeks, mean", UNITS_A_WEEK),
    "mean_imputed_sales": Figure("the same after imputation", UNITS_A_WEEK),
    "mean_lift": Figure("the difference", UNITS_A_WEEK),
    "median_original_sales": Figure("sold in the imputed weeks, median", UNITS_A_WEEK),
    "median_imputed_sales": Figure("the same after imputation", UNITS_A_WEEK),
    "total_original_volume": Figure("sold in the whole panel", UNITS),
    "total_imputed_volume": Figure("the same after imputation", UNITS),
    "volume_lift": Figure("the difference", UNITS),
    "volume_lift_pct": Figure("the difference, of what was sold", PER_CENT),
    "largest_imputed_sales": Figure("largest median", UNITS),
    "largest_observed_sales": Figure("largest sales", UNITS),
    "lift_flagged": Figure("the part of `volume_lift` that rests on stockouts with any flag", UNITS),
    "n_<flag>": Figure("stockouts with that flag"),
    "lift_<flag>": Figure("the part of `volume_lift` that rests on them", UNITS),
    "n_inferred_stockout": Figure("with `--infer-stockouts` only: stockouts that sales suggest", is_optional=True),
}

RUN_KEYS: Mapping[str, str] = {
    "finished": "when, in UTC",
    "data": "what was read",
    "data_fingerprint": "digest of the panel's columns, types and values, whatever the order of its rows",
    "config": "every setting",
    "profile_parameters": "every constant of the profile",
    "versions": "of vn2pl, Polars and Python",
    "threads": "threads that Polars had",
    "rows": "of the panel and of the SIPs",
    "stockouts_computed": "stockouts of this run; the others are an earlier run's",
    "earlier_run": "what became of the files that were there; empty where there were none",
    "stockouts": "`given` by the panel's flags, or `inferred`",
    "notes": "what [reading the panel](reading.md#notes) noticed or assumed",
    "summary": "the figures of `imputation_summary.csv`",
    "seconds": "spent reading, imputing, writing",
    "fingerprint": "digests of the settings, the panel, and each of its weeks: what the next run compares with",
    "files": "name: bytes and sha256",
}
