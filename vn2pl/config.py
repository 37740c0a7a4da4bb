"""What a run can be told: the plan's settings, and how its input is read."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal, TypedDict

import msgspec
import polars as pl
from polars.exceptions import ComputeError

from .queries import Settings

MissingRows = Literal["ignore", "zero", "stockout"]
Returns = Literal["refuse", "clip"]

PROBES = (date(2024, 4, 8), date(2031, 12, 25))
TIME_OF_DAY = re.compile(r"%[HIMSTRXcfpsrzZ]")
SKU_FORMAT = re.compile(r"Store(?P<after_store>.+)Product|Product(?P<after_product>.+)Store")


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the plan, and how the input is read.

    ``columns`` maps names used here to names in the input, e.g. ``{"sales": "units"}``. ``missing_rows`` says what a
    week without a row is between the first and the last row of its SKU, and ``returns`` what negative sales are.
    ``decimal_comma``, ``date_format`` (as of strftime), ``time_zone`` (where timestamps are midnight) and
    ``sku_format`` (how ``unique_id`` is made, such as "Store/Product") say what values leave open.

    ``configs/uncertainty.yaml`` documents every key.
    """

    columns: dict[str, str] = {}
    missing_rows: MissingRows = "ignore"
    returns: Returns = "refuse"
    decimal_comma: bool = False
    date_format: str | None = None
    time_zone: str | None = None
    sku_format: str | None = None

    def __post_init__(self) -> None:
        if problem := next(reading_problems(msgspec.structs.asdict(self)), None):
            raise ValueError(problem[1])


class ReadingOptions(TypedDict, total=False):
    """What the command line and Python functions can be told of reading as well, under the same names."""

    missing_rows: MissingRows
    returns: Returns
    decimal_comma: bool
    date_format: str | None
    time_zone: str | None
    sku_format: str | None


READING_OPTIONS = tuple(ReadingOptions.__annotations__)


def reading_problems(settings: Mapping[Any, object], /) -> Iterator[tuple[str, str]]:
    """What is wrong with texts that say how the input is read: the setting, and what was expected."""
    for name, (is_sound, expected) in SOUND.items():
        text = settings.get(name)
        if isinstance(text, str) and not is_sound(text):
            yield name, f"expected {expected}, got {text!r}"


def _is_sku_format(text: str) -> bool:
    return SKU_FORMAT.fullmatch(text) is not None


def _is_date_format(text: str) -> bool:
    """Whether dates can be told from what the format makes of them."""
    try:
        return not TIME_OF_DAY.search(text) and all(
            datetime.strptime(probe.strftime(text), text).date() == probe for probe in PROBES
        )
    except (ValueError, re.error):
        return False


def _is_time_zone(text: str) -> bool:
    try:
        pl.Series([0]).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(text)
    except ComputeError:
        return False
    return True


SOUND: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "date_format": (_is_date_format, "day, month and year without a time of day, such as %d.%m.%Y"),
    "time_zone": (_is_time_zone, "a time zone such as Europe/Berlin or UTC"),
    "sku_format": (_is_sku_format, "Store and Product with a separator between, such as Store/Product"),
}
