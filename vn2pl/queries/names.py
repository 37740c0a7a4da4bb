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
HASH_ORDER = "hash_order"
CELL = "cell"
HAS_HISTORY = "has_history"
THINNED = "thinned"
DONOR_BLOCK = "donor_block"
BATCH = "batch"

RECIPIENT = "recipient"
DONOR = "donor"
RECIPIENT_PERIOD = "recipient_period"
RECIPIENT_CELL = "recipient_cell"
RECIPIENT_SEASON = "recipient_season"
REPRESENTATIVE = "representative"
K_FACTOR = "k_factor"
ALLOW_THINNING = "allow_thinning"
USE_THINNED = "use_thinned"
RECIPIENT_BLOCK = "recipient_block"
POOL_ID = "pool_id"
RADIUS = "radius"
NEAR = "near"
K = "k"
IS_SCARCE = "is_scarce"
LOG_SPREAD = "log_spread"
NB_MEAN = "nb_mean"
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
CANDIDATES = "candidates"
NEIGHBOURS = "neighbours"
FLAGS = "flags"
ADDED = (SALES_OBSERVED, IMPUTED, STATUS, OWN_WEEKS, LEVEL_SOURCE, CANDIDATES, NEIGHBOURS, FLAGS)


def group_of(by: Sequence[str]) -> str:
    """Name of the column with the codes of a grouping by these attributes."""
    return f"group by {', '.join(by)}"


def of_recipient(name: str) -> str:
    """Name of a recipient's column in a frame of pairs."""
    return f"{RECIPIENT}_{name}"


def of_donor(name: str) -> str:
    """Name of a donor's column in a frame of pairs."""
    return f"{DONOR}_{name}"
