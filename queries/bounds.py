"""Bounded numbers of configurations, checked when one is read."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Window = Annotated[int, msgspec.Meta(ge=0, le=26)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
HalfLife = Annotated[float, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Level = Annotated[float, msgspec.Meta(gt=0, lt=1)]
