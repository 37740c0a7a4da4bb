"""Bounded values of configurations, checked when one is read.

Numbers are finite and no larger than what may still mean something: sums and powers of them stay finite as well. An
attribute groups SKUs: never by the week itself, its sales or its stock, which would give away what is hidden, nor by a
column that has the name of one that the plan adds.
"""

from typing import Annotated

import msgspec

# A number closer to 0 than this is a slip: 0 is written 0.
SMALLEST = 1e-9

Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Neighbours = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Window = Annotated[int, msgspec.Meta(ge=0, le=26)]
Positive = Annotated[float, msgspec.Meta(ge=SMALLEST, le=1e9)]
NonNegative = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Unit = Annotated[float, msgspec.Meta(ge=1e-6, le=1e9)]
HalfLife = Annotated[float, msgspec.Meta(ge=1, le=1e9)]
# Powers, and slopes of powers, of ratios of sales.
Exponent = Annotated[float, msgspec.Meta(ge=0, le=10)]
Slope = Annotated[float, msgspec.Meta(ge=-10, le=10)]
# In the logarithm of units.
CellWidth = Annotated[float, msgspec.Meta(ge=0.01, le=10)]
# How many times as many neighbours.
Factor = Annotated[float, msgspec.Meta(ge=0.001, le=1000)]
# Every number up to it gets a probability of its own.
FewSteps = Annotated[float, msgspec.Meta(ge=0.001, le=100)]
Part = Annotated[float, msgspec.Meta(gt=0, le=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
GIVES_AWAY = ("week", "sales", "in_stock")
ADDED = (
    *(
        "sku",
        "hash",
        "sales_observed",
        "own_weeks",
        "level_source",
        "cold_level",
        "long_run_level",
        "level",
        "recent_level",
    ),
    *("week_index", "dispersion", "zero_share", "odd_share", "peer_regularity", "expected_demand", "relative_sales"),
    "kind",
)
NO_ATTRIBUTE = f"^(?!({'|'.join((*GIVES_AWAY, *ADDED))})$|group by )"
Attribute = Annotated[str, msgspec.Meta(pattern=NO_ATTRIBUTE)]
Attributes = tuple[Attribute, ...]
Level = Annotated[float, msgspec.Meta(gt=0, lt=1)]
