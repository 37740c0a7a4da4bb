"""From the columns of a long file to those of a panel: renamed, taken from unique_id, and without a row index."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from ..checks import raise_any
from ..config import SKU_FORMAT, Config
from ..messages import listed
from ..queries.names import IN_STOCK, PRODUCT, SALES, SKU, STORE, WEEK
from .schema import COLUMNS, is_flag, is_inverse, is_key

UNIQUE_ID = "unique_id"
# Columns that go with unique_id in the files of forecasting libraries.
BESIDE_UNIQUE_ID = {"ds": WEEK, "y": SALES}
ONLY_STORE = "all"
INDEX = re.compile(r"|Unnamed: \d+(\.\d+)*|__index_level_\d+__")


class Layout(NamedTuple):
    """A frame with a panel's columns, and what was made of those of its file.

    ``found``: the names in the file; ``inverse``: the column that in_stock is the inverse of; ``sku_format``: how
    unique_id was split.
    """

    frame: pl.LazyFrame
    found: Sequence[str] = ()
    inverse: str | None = None
    sku_format: str | None = None
    notes: tuple[str, ...] = ()


def laid_out(frame: pl.LazyFrame, config: Config, /, *, source: str) -> Layout:
    """The columns of a panel, as far as they are there. Raises InputError where ``config`` names some that are not."""
    layout = Layout(renamed(frame, config.columns, source=source), found=frame.collect_schema().names())
    layout = _with_sku(_with_week_and_sales(layout), config, source)
    return _without_index(_with_inverse(layout, config))


def renamed(frame: pl.LazyFrame, columns: Mapping[str, str], /, *, source: str) -> pl.LazyFrame:
    """With the names that ``columns`` gives. Raises InputError where these are not there, or taken."""
    raise_any(rename_problems(frame.collect_schema().names(), columns, source))
    return frame.rename({theirs: ours for ours, theirs in columns.items()})


def rename_problems(names: list[str], columns: Mapping[str, str], source: str, /) -> Iterator[str]:
    """Mapped columns that are missing, mapped twice, or mapped to a name that is taken."""
    uses = Counter(columns.values())
    for ours, theirs in columns.items():
        told = f"{source}: columns: maps {ours!r} to {theirs!r}"
        if theirs not in names:
            yield f"{told}, which is not there; found the columns {listed(names)}"
        elif uses[theirs] > 1:
            yield f"{told}, as does another entry; expected one name each"
        elif ours in names and ours not in columns.values():
            yield f"{told}, but there is a column {ours!r} already; rename or drop it"


def _with_week_and_sales(layout: Layout) -> Layout:
    """With week and sales from the columns that stand beside unique_id, where they are not there."""
    schema = layout.frame.collect_schema()
    if UNIQUE_ID not in schema:
        return layout
    names = {theirs: ours for theirs, ours in BESIDE_UNIQUE_ID.items() if theirs in schema and ours not in schema}
    return layout._replace(frame=layout.frame.rename(names))


def _with_sku(layout: Layout, config: Config, source: str) -> Layout:
    """With Store and Product from unique_id, where it stands in their place."""
    schema = layout.frame.collect_schema()
    if UNIQUE_ID not in schema or STORE in schema or PRODUCT in schema or not is_key(schema[UNIQUE_ID]):
        raise_any(_no_unique_id(config, source))
        return layout
    if config.sku_format:
        parts = layout.frame.with_columns(_parts(config.sku_format))
        return layout._replace(frame=parts, sku_format=config.sku_format)
    note = (
        f"{UNIQUE_ID} is taken as one key: Product is {UNIQUE_ID} and Store is {ONLY_STORE!r}; "
        "--sku-format Store/Product, say, splits it at its separator"
    )
    whole = layout.frame.with_columns(pl.lit(ONLY_STORE).alias(STORE), pl.col(UNIQUE_ID).alias(PRODUCT))
    return layout._replace(frame=whole, notes=(*layout.notes, note))


def _no_unique_id(config: Config, source: str) -> Iterator[str]:
    if config.sku_format:
        yield f"{source}: --sku-format is for a column {UNIQUE_ID} in place of Store and Product; leave it out"


def _parts(sku_format: str) -> list[pl.Expr]:
    """Store and Product, null where the separator does not occur just once."""
    separator = separator_of(sku_format)
    parts = pl.col(UNIQUE_ID).cast(pl.String).str.split(separator)
    whole = (parts.list.len() == 2) & (parts.list.eval(pl.element().str.len_bytes() > 0).list.all())
    order = SKU if sku_format.startswith(STORE) else reversed(SKU)
    return [pl.when(whole).then(parts.list.get(at, null_on_oob=True)).alias(name) for at, name in enumerate(order)]


def separator_of(sku_format: str, /) -> str:
    """``/`` of ``Store/Product``."""
    found = SKU_FORMAT.fullmatch(sku_format)
    return next(filter(None, found.groups())) if found else ""


def _with_inverse(layout: Layout, config: Config) -> Layout:
    """With in_stock from a flag that says the inverse, where there is one of these and no in_stock."""
    schema = layout.frame.collect_schema()
    theirs = config.columns.get(IN_STOCK)
    if theirs and is_inverse(theirs):
        return _inverted(layout, theirs)
    flags = [name for name, dtype in schema.items() if is_inverse(name) and is_flag(dtype)]
    if IN_STOCK in schema or len(flags) != 1:
        return layout
    return _inverted(layout._replace(frame=layout.frame.rename({flags[0]: IN_STOCK})), flags[0])


def _inverted(layout: Layout, name: str) -> Layout:
    note = f"{IN_STOCK} is read as the inverse of {name!r}: what is true there is a stockout"
    return layout._replace(inverse=name, notes=(*layout.notes, note))


def _without_index(layout: Layout) -> Layout:
    """Without row numbers, unless a column of the panel is missing, which they may be."""
    schema = layout.frame.collect_schema()
    index = index_columns(schema)
    if not index or not set(COLUMNS) - {IN_STOCK} <= set(schema):
        return layout
    note = f"column {listed(index)} left out: it numbers the rows"
    return layout._replace(frame=layout.frame.drop(index), notes=(*layout.notes, note))


def index_columns(schema: Mapping[str, pl.DataType], /) -> list[str]:
    """Columns with row numbers that another program wrote, under no name or one that it made up."""
    return [name for name, dtype in schema.items() if is_index(name) and dtype.is_integer()]


def is_index(name: str, /) -> bool:
    """Whether a column of this name may hold row numbers."""
    return INDEX.fullmatch(name) is not None
