"""Output files: each appears whole or not at all, and ``run.json`` names the files of one run with checksums."""

import json
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from ..errors import InputError
from . import interrupts

IMPUTED_FILE = "demand_imputed.parquet"
SIPS_FILE = "imputed_sips.parquet"
SUMMARY_FILE = "imputation_summary.csv"
NEIGHBOURS_FILE = "neighbours.parquet"
RUN_FILE = "run.json"
BACKTEST_ROWS_FILE = "backtest_rows.parquet"
BACKTEST_TABLE_FILE = "backtest_table.parquet"
TEMPORARY = ".temporary"
ENOUGH_TO_FAIL = 1 << 20

Writer = Callable[[Path], object]


class Output(NamedTuple):
    """A frame that a run publishes, by its name, and its file, which is always there unless it is optional."""

    frame: str
    file: str
    is_optional: bool = False


# What each command publishes, in the order of writing. Frames are attributes of a run and tables of ``vn2pl query``.
IMPUTE_OUTPUTS = (
    Output("imputed", IMPUTED_FILE),
    Output("sips", SIPS_FILE),
    Output("neighbours", NEIGHBOURS_FILE, is_optional=True),
    Output("summary", SUMMARY_FILE),
)
BACKTEST_OUTPUTS = (Output("rows", BACKTEST_ROWS_FILE), Output("table", BACKTEST_TABLE_FILE))
IMPUTE_FILES, BACKTEST_FILES = (
    tuple(output.file for output in outputs) for outputs in (IMPUTE_OUTPUTS, BACKTEST_OUTPUTS)
)


def find_damage(folder: Path) -> list[str]:
    """What is wrong with the files of the run that ``run.json`` tells of; empty if they are its complete set."""
    try:
        listed = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))["files"]
        expected = {str(name): (int(facts["bytes"]), str(facts["sha256"])) for name, facts in listed.items()}
    except FileNotFoundError:
        return [f"{folder}: expected a {RUN_FILE}, found none; no run has ended there"]
    except OSError as error:
        return [f"{folder / RUN_FILE}: cannot be read: {error.strerror or error}"]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return [f"{folder / RUN_FILE}: expected the record of a run, with the size and checksum of each of its files"]
    damaged = [told for name, facts in expected.items() if (told := _damage(folder / Path(name).name, *facts))]
    return [*damaged, *_strays(folder, expected)]


def _strays(folder: Path, listed: Container[str]) -> Iterator[str]:
    """Files of another run."""
    for name in lying(folder, (*IMPUTE_FILES, *BACKTEST_FILES)):
        if name not in listed:
            yield f"{folder / name}: is not of the run that {RUN_FILE} tells of"


def lying(folder: Path, names: Iterable[str], /) -> list[str]:
    """Those of the names of files that lie in the folder."""
    return [name for name in names if os.path.isfile(folder / name)]


def refuse_damage(*folders: Path) -> None:
    """Raise InputError with all that is wrong with the files of these runs (see :func:`find_damage`)."""
    if problems := [problem for folder in folders for problem in find_damage(folder)]:
        raise InputError(*problems)


def listed_files(folder: Path) -> list[str]:
    """Names of the files that ``run.json`` tells of."""
    return list(json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))["files"])


def _damage(path: Path, size: int, digest: str) -> str | None:
    if not path.is_file():
        return f"{path}: is missing"
    if path.stat().st_size != size:
        return f"{path}: expected {size:,} bytes, found {path.stat().st_size:,}"
    return None if checksum(path) == digest else f"{path}: is not the file that the run wrote (its checksum differs)"


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a file that is whole by itself; for the files of a run see ``transactions``."""
    _write(path, as_parquet(frame))


def write_run(folder: Path, facts: Mapping[str, Any], *, files: Iterable[Path]) -> None:
    """Write ``run.json`` for files that are there."""
    _write(folder / RUN_FILE, as_run(facts, {file.name: file for file in files}))


def as_parquet(frame: pl.DataFrame, /) -> Writer:
    """Writes one contiguous frame, so that the bytes do not depend on the pieces it was computed in."""
    return frame.rechunk().write_parquet


def as_run(facts: Mapping[str, Any], files: Mapping[str, Path], /) -> Writer:
    """Writes the facts of a run, and size and SHA-256 of each of its files by name."""
    listed = {name: {"bytes": path.stat().st_size, "sha256": checksum(path)} for name, path in files.items()}
    text = json.dumps({**facts, "files": listed}, indent=2, allow_nan=False) + "\n"
    return lambda path: path.write_text(text, encoding="utf-8")


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write(path: Path, write: Writer) -> None:
    with temporary_of(path) as temporary:
        write(temporary)
        flush(temporary)
        os.replace(temporary, path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place, durably, when the block ends without an error."""
    with temporary_of(path) as temporary:
        yield temporary
        flush(temporary)
        with interrupts.put_off():
            os.replace(temporary, path)
            interrupts.note(path)


@contextmanager
def temporary_of(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to first, removed on errors. Raises InputError where it cannot be written."""
    temporary = beside(path)
    with writing_to(path):
        try:
            with _as_the_system_tells(temporary):
                yield temporary
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def _as_the_system_tells(temporary: Path) -> Iterator[None]:
    """Polars does not always say that it was the system that failed it: then writing on fails once more."""
    try:
        yield
    except PolarsError:
        with temporary.open("ab") as file:
            file.write(bytes(ENOUGH_TO_FAIL))
        raise


def beside(path: Path) -> Path:
    """Where the content of a file is written first."""
    return path.with_name(f"{path.name}{TEMPORARY}")


def flush(path: Path) -> None:
    """Have the content of a file on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Raise InputError where the block cannot write to a path."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    except PolarsError as error:
        cause = str(error).partition("\n")[0]
        raise InputError(f"{path}: cannot be written: {cause}") from error
