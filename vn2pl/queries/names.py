"""Column names: the panel's, as users write them, and those that the plan adds."""

from collections.abc import Sequence

STORE = "Store"
PRODUCT = "Product"
WEEK = "week"
SALES = "sales"
IN_STOCK = "in_stock"
SKU = (STORE, PRODUCT)
KEY = (STORE, PRODUCT, WEEK)
STOCKOUT_INFERRED = "stockout_inferred"
KIND = "kind"
REQUIRED = (*KEY, SALES, IN_STOCK)

SKU_CODE = "sku"
PERIOD = "period"
SEASON = "season"
ROW = "row"
LOT = "lot"
CELL = "cell"
MATURE = "mature"
HALF = "half"
SLOT = "slot"
BLOCK = "block"

TARGET = "target"
CANDIDATE = "candidate"
TARGET_PERIOD = "target_period"
TARGET_CELL = "target_cell"
TARGET_SEASON = "target_season"
FIRST = "first"
BREADTH = "breadth"
HALF_SUFFICES = "half_suffices"
SPARING = "sparing"
AREA = "area"
MEETING = "meeting"
REACH = "reach"
NEAR = "near"
SOUGHT = "sought"
IS_SCARCE = "is_scarce"
SPREAD = "spread"
SMOOTH_MEAN = "smooth_mean"
RANK = "rank"
DISTANCE = "distance"
WEIGHT = "weight"
DEMAND = "demand"
DRAW = "draw"
QUANTILE = "quantile"
VALUE = "value"

SALES_OBSERVED = "sales_observed"
IMPUTED = "imputed"
STATUS = "status"
OWN_WEEKS = "own_weeks"
LEVEL_SOURCE = "level_source"
POOL = "candidates"
NEIGHBOURS = "neighbours"
FLAGS = "flags"
ADDED = (SALES_OBSERVED, IMPUTED, STATUS, OWN_WEEKS, LEVEL_SOURCE, POOL, NEIGHBOURS, FLAGS)


def group_of(by: Sequence[str]) -> str:
    """Name of the column with the codes of a grouping by these attributes."""
    return f"group by {', '.join(by)}"


def of_target(name: str) -> str:
    """Name of a target's column in a frame of pairs."""
    return f"{TARGET}_{name}"


def of_candidate(name: str) -> str:
    """Name of a candidate's column in a frame of pairs."""
    return f"{CANDIDATE}_{name}"
