"""Long text files with a separator: CSV and its kin, plain or compressed with gzip."""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

import polars as pl

from ..checks import Check, problems, raise_any
from ..config import Config
from ..errors import InputError
from ..messages import listed, rows
from ..queries.names import IN_STOCK, SALES, WEEK
from .layout import BESIDE_UNIQUE_ID, UNIQUE_ID, laid_out
from .rules import PLACES_SHOWN
from .schema import COLUMNS
from .source import Judged, Source
from .values import understood

SEPARATORS = ",;\t|"
LONGEST_HEADER = 1_000_000
GZIPPED = b"\x1f\x8b"
# Read as text, whatever they look like, so that a message can show what is there.
READ_AS_TEXT = (WEEK, SALES, IN_STOCK)


class Header(NamedTuple):
    """The first line of a file."""

    separator: str
    names: list[str]


def open_delimited(name: str, files: list[str], config: Config, /) -> Source:
    """A panel in files with the same header."""
    header = header_of(files[0])
    raise_any(_differing_headers(files, header))
    raise_any(repeated_names(name, header.names))
    texts = [config.columns.get(column, column) for column in (*READ_AS_TEXT, *_beside_unique_id(header, config))]
    schema = inferred(files, header, texts=texts)
    layout = laid_out(_without_empty_column(files, header, schema), config, source=name)
    names = layout.frame.collect_schema().names()
    present = [name for name in names if name in COLUMNS] or names
    layout = layout._replace(frame=without_blank_lines(layout.frame, present))

    def judged(_step: float | None) -> Judged:
        raise_any(problems([ragged_check(file, header) for file in files]))
        return Judged(layout.frame, understood(layout, config, separator=header.separator))

    return Source(name, files, layout, lambda file: scan_texts(file, header), judged, header.separator)


def _beside_unique_id(header: Header, config: Config) -> Iterable[str]:
    return BESIDE_UNIQUE_ID if config.columns.get(UNIQUE_ID, UNIQUE_ID) in header.names else ()


def header_of(file: str, /) -> Header:
    """The separator and the names in the first line of a file."""
    try:
        with _opened(file) as lines:
            first = lines.readline(LONGEST_HEADER).rstrip("\r\n")
        separator = max(SEPARATORS, key=first.count)
        names = next(csv.reader([first], delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: is not UTF-8 text, expected a CSV file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{file}: is damaged or cut short, expected a whole file compressed with gzip") from error
    if not names:
        raise InputError(f"{file}: has a blank first line, expected the column names")
    return Header(separator, names)


def _opened(file: str) -> IO[str]:
    with open(file, "rb") as content:
        is_gzipped = content.read(len(GZIPPED)) == GZIPPED
    if is_gzipped:
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return open(file, encoding="utf-8-sig", newline="")


def _differing_headers(files: list[str], expected: Header) -> Iterator[str]:
    for file in files:
        header = header_of(file)
        if sorted(header.names) == sorted(expected.names) and header != expected._replace(separator=header.separator):
            yield f"{file}: has the columns of {files[0]} in another order, expected the same"
        elif header != expected:
            yield (
                f"{file}: columns {listed(header.names)} (separator {header.separator!r}), expected those of "
                f"{files[0]}: {listed(expected.names)} (separator {expected.separator!r})"
            )


def repeated_names(file: str, names: Iterable[str], /) -> list[str]:
    """The message about column names that stand twice in a header."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    return [f"{file}: repeats the columns {listed(repeated)}, expected each once"] if repeated else []


def scan_delimited(
    files: list[str],
    header: Header,
    schema: pl.Schema,
    /,
    *,
    row_index_name: str | None = None,
    truncate_ragged_lines: bool = False,
) -> pl.LazyFrame:
    """The files with these types, lines numbered as in an editor."""
    return pl.scan_csv(
        files,
        separator=header.separator,
        schema=schema,
        row_index_name=row_index_name,
        row_index_offset=2,
        truncate_ragged_lines=truncate_ragged_lines,
        glob=False,
    )


def scan_texts(file: str, header: Header, /) -> pl.LazyFrame:
    """A file with all values as text."""
    return scan_delimited([file], header, pl.Schema(dict.fromkeys(header.names, pl.String)))


def inferred(files: list[str], header: Header, /, *, texts: Iterable[str] = ()) -> pl.Schema:
    """The types of all columns, from all rows of all files; of those named, text."""
    # A guess from the first rows would make the outcome depend on row order.
    # Once: a scan without a schema infers it again whenever it is collected.
    return pl.scan_csv(
        files,
        separator=header.separator,
        schema_overrides=dict.fromkeys(texts, pl.String),
        infer_schema_length=None,
        infer_schema_files=len(files),
        glob=False,
    ).collect_schema()


def _without_empty_column(files: list[str], header: Header, schema: pl.Schema) -> pl.LazyFrame:
    """Without the column that a separator at the end of every line makes."""
    frame = scan_delimited(files, header, schema)
    if header.names[-1] or len(header.names) == 1 or schema[header.names[-1]] != pl.String:
        return frame
    last = scan_delimited(files, header, schema, truncate_ragged_lines=True).select(pl.last().is_null().all())
    return frame.drop(header.names[-1]) if last.collect(engine="streaming").item() else frame


def without_blank_lines(frame: pl.LazyFrame, columns: Iterable[str], /) -> pl.LazyFrame:
    """Without lines that hold none of the columns."""
    return frame.filter(pl.any_horizontal(pl.col(column).is_not_null() for column in columns))


def ragged_check(file: str, header: Header, /) -> Check:
    """For lines with too few values, which Polars fills with nulls, or too many, which it does not place."""
    text = pl.col("text")
    fields = text.str.count_matches(header.separator, literal=True) + 1
    lines = pl.scan_lines(file, name="text", row_index_name="line", row_index_offset=1, glob=False)
    ragged = lines.filter(fields != len(header.names), text.str.strip_chars() != "").select("line", fields=fields)
    # Within quotes a separator or a line end is part of a value; such a file is left to Polars.
    quotes = lines.select(text.str.contains('"', literal=True).any().alias("quoted"))

    def told(found: pl.DataFrame) -> list[str]:
        first = found.select("line", "fields").head(PLACES_SHOWN).rows()
        places = "; ".join(f"line {line}: found {count}" for line, count in first)
        expected = f"expected {len(header.names)} as in the header"
        count = rows(len(found), of="line")
        return [f"{file}: {count} with a wrong number of values, {expected}; first {places}"] if first else []

    return Check(ragged.join(quotes.filter(~pl.col("quoted")), how="cross").sort("line"), told)
