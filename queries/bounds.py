"""Bounded values of configurations, checked when one is read.

An attribute groups SKUs: never by the week itself, its sales or its stock, which would give away what is hidden.
"""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Window = Annotated[int, msgspec.Meta(ge=0, le=26)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
HalfLife = Annotated[float, msgspec.Meta(ge=1)]
Part = Annotated[float, msgspec.Meta(gt=0, le=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
NO_ATTRIBUTE = "^(?!(week|sales|in_stock)$)"
Attribute = Annotated[str, msgspec.Meta(pattern=NO_ATTRIBUTE)]
Attributes = tuple[Attribute, ...]
Level = Annotated[float, msgspec.Meta(gt=0, lt=1)]
