"""What lies at a path: wide VN2 folders; long files, folders and patterns of them."""

import glob
import os
from collections.abc import Callable, Iterator, Mapping

import polars as pl

from ..checks import raise_any, readable
from ..config import Config
from ..errors import InputError
from ..messages import listed
from ..queries.names import IN_STOCK
from .delimited import open_delimited
from .layout import laid_out
from .schema import schema_problems
from .source import Judged, Source, flagged, unusable_files
from .values import understood
from .vn2 import WIDE_FILES, WIDE_NAME, newest_wide, open_wide

GZIP = ".gz"
KINDS = {
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".arrow": "IPC",
    ".feather": "IPC",
    ".ipc": "IPC",
}
HIDDEN = ("_", ".")

Scan = Callable[[list[str]], pl.LazyFrame]


def open_source(path: str, config: Config, /, *, inferring: bool) -> Source:
    """The panel at a path. Raises InputError where there is none, or not with the columns that it needs."""
    with readable(path):
        if os.path.isdir(path):
            source = _open_folder(path, config, inferring=inferring)
        else:
            source = _open_files(path, _matches(path), config)
        raise_any(_column_problems(source, inferring=inferring))
    return source


def _column_problems(source: Source, *, inferring: bool) -> list[str]:
    layout = source.layout
    if inferring and IN_STOCK in layout.frame.collect_schema():
        return [
            f"{source.name}: has a column {layout.inverse or IN_STOCK!r}; --infer-stockouts is for panels without one, "
            "leave it out"
        ]
    schema = flagged(layout.frame, inferring=inferring).collect_schema()
    return schema_problems(schema, source=source.name, found=layout.found)


def _open_folder(folder: str, config: Config, *, inferring: bool) -> Source:
    names = os.listdir(folder)
    if wide := newest_wide(names):
        return open_wide(folder, wide, config, inferring=inferring)
    if not names:
        raise InputError(f"{folder}: is an empty folder")
    return _open_folder_of_one_kind(folder, config)


def _open_folder_of_one_kind(folder: str, config: Config) -> Source:
    files = _visible_files(folder)
    kinds = {_kind(file) for file in files}
    if len(kinds) != 1 or None in kinds:
        found = listed((os.path.relpath(file, folder) for file in files), at_most=4) or "no files"
        raise InputError(
            f"{folder}: expected the VN2 files ({', '.join(WIDE_FILES.values())}) or nothing but long files of one "
            f"kind ({', '.join(KINDS)}), found {found}; "
            f"a pattern such as {os.path.join(folder, '*.csv')} chooses from them"
        )
    if kinds != {"Parquet"}:
        raise_any(_partitions(folder, files))
        return _open_files(folder, files, config)
    raise_any(unusable_files(files))
    frame = pl.scan_parquet(folder, glob=False, hive_partitioning=True, hidden_file_prefix=HIDDEN)
    return _open_typed_files(folder, files, _scan_parquet, frame, config)


def _partitions(folder: str, files: list[str]) -> Iterator[str]:
    """Values in the names of folders, which only Parquet is read with."""
    parts = sorted({part for file in files for part in os.path.dirname(os.path.relpath(file, folder)).split(os.sep)})
    if named := [part for part in parts if "=" in part]:
        yield f"{folder}: has folders such as {named[0]!r}, whose values are read with Parquet files only"


def _matches(path: str) -> list[str]:
    """The file of this name or, only if there is none, the files that match it as a pattern."""
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(path):
        raise InputError(f"{path}: does not exist")
    files = sorted(file for file in glob.glob(path, recursive=True) if not os.path.isdir(file))
    if not files:
        raise InputError(f"{path}: no file matches this pattern")
    return files


def _open_files(name: str, files: list[str], config: Config) -> Source:
    raise_any(unusable_files(files))
    raise_any(_wide_files(files))
    raise_any(_unknown_kinds(files))
    kinds = sorted({_kind(file) or "" for file in files})
    if len(kinds) > 1:
        raise InputError(f"{name}: matches files of several kinds ({', '.join(kinds)}), expected one kind")
    if kinds == ["CSV"]:
        return open_delimited(name, files, config)
    scan = _scan_parquet if kinds == ["Parquet"] else _scan_ipc
    return _open_typed_files(name, files, scan, scan(files), config)


def _wide_files(files: list[str]) -> Iterator[str]:
    for file in files:
        if WIDE_NAME.fullmatch(os.path.basename(file)):
            yield f"{file}: is one of the VN2 files, which are read together; expected their folder"


def _unknown_kinds(files: list[str]) -> Iterator[str]:
    for file in files:
        if not _kind(file):
            extension = os.path.splitext(file)[1]
            yield f"{file}: has the unknown extension {extension!r}, expected one of {', '.join(KINDS)}, .csv{GZIP}"


def _kind(file: str) -> str | None:
    """What a file's name says that it holds; text may be compressed."""
    stem, extension = os.path.splitext(file.lower())
    if extension == GZIP:
        kind = KINDS.get(os.path.splitext(stem)[1])
        return kind if kind == "CSV" else None
    return KINDS.get(extension)


def _visible_files(folder: str) -> list[str]:
    walked = os.walk(folder, onerror=_raise)
    files = (os.path.join(place, name) for place, _, names in walked for name in names if name[0] not in HIDDEN)
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error


def _scan_parquet(files: list[str]) -> pl.LazyFrame:
    return pl.scan_parquet(files, glob=False, hive_partitioning=False)


def _scan_ipc(files: list[str]) -> pl.LazyFrame:
    return pl.scan_ipc(files, glob=False, hive_partitioning=False)


def _open_typed_files(name: str, files: list[str], scan: Scan, frame: pl.LazyFrame, config: Config) -> Source:
    raise_any(_differing_schemas(files, scan))
    layout = laid_out(frame, config, source=name)

    def judged(_step: float | None) -> Judged:
        return Judged(layout.frame, understood(layout, config))

    return Source(name, files, layout, lambda file: scan([file]), judged)


def _differing_schemas(files: list[str], scan: Scan) -> Iterator[str]:
    expected: Mapping[str, pl.DataType] | None = None
    for file in files:
        with readable(file):
            schema = scan([file]).collect_schema()
        expected = expected or schema
        if schema != expected:
            differing = sorted({name for name, _ in set(schema.items()) ^ set(expected.items())})
            yield f"{file}: columns differ from those of {files[0]} ({listed(differing) or 'in their order'})"
