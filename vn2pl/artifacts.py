"""Output files: each appears whole or not at all, and ``run.json``, written last, names the set with checksums."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from .errors import InputError

IMPUTED_FILE = "demand_imputed.parquet"
SIPS_FILE = "imputed_sips.parquet"
SUMMARY_FILE = "imputation_summary.csv"
NEIGHBOURS_FILE = "neighbours.parquet"
RUN_FILE = "run.json"
BACKTEST_ROWS_FILE = "backtest_rows.parquet"
BACKTEST_TABLE_FILE = "backtest_table.parquet"
TEMPORARY = ".temporary"


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """A folder to write to, made where it is missing, held for this run and cleared of what a killed one left.

    Raises InputError where it cannot be made or written to, or where another run holds it.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: expected a folder to write to, got a file")
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        _prepare(folder)
        yield


def _prepare(folder: Path) -> None:
    """Remove temporary files that a killed run left, and see that the folder can be written to."""
    with _told(folder):
        for leftover in folder.glob(f"*{TEMPORARY}"):
            leftover.unlink(missing_ok=True)
        probe = folder / f"probe{TEMPORARY}"
        probe.touch()
        probe.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one run; the system lets go of it when the process ends, however it ends.

    Raises InputError where another run holds it. Systems without ``fcntl`` have no such lock.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{folder}: another run is writing there; wait for it, or choose another --out") from None
    else:
        yield
    finally:
        os.close(handle)


def find_damage(folder: Path) -> list[str]:
    """What is wrong with the files of the run that ``run.json`` tells of; empty if they are its complete set."""
    try:
        listed = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))["files"]
        expected = {str(name): (int(facts["bytes"]), str(facts["sha256"])) for name, facts in listed.items()}
    except FileNotFoundError:
        return [f"{folder}: expected a {RUN_FILE}, found none; no run has ended there"]
    except OSError as error:
        return [f"{folder / RUN_FILE}: cannot be read: {error.strerror}"]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return [f"{folder / RUN_FILE}: expected the record of a run, with the size and checksum of each of its files"]
    return [told for name, facts in expected.items() if (told := _damage(folder / Path(name).name, *facts))]


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
    """Write one contiguous frame, so that the bytes do not depend on the pieces it was computed in."""
    with replacing(path) as temporary:
        frame.rechunk().write_parquet(temporary)


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a small frame as text."""
    with replacing(path) as temporary:
        frame.write_csv(temporary)


def write_run(folder: Path, facts: Mapping[str, Any], *, files: Iterable[Path]) -> None:
    """Write ``run.json``: the facts of the run, and name, size and SHA-256 of each of its files."""
    listed = {path.name: {"bytes": path.stat().st_size, "sha256": checksum(path)} for path in files}
    with replacing(folder / RUN_FILE) as temporary:
        temporary.write_text(json.dumps({**facts, "files": listed}, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place, durably, when the block ends without an error."""
    temporary = path.with_name(f"{path.name}{TEMPORARY}")
    with _told(path):
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    except PolarsError as error:
        # Where the system fails Polars, it says so in the middle of a line: ... IO error: No space left (os error 28).
        cause = str(error).partition("\n")[0].rpartition("IO error: ")[2]
        raise InputError(f"{path}: cannot be written: {cause}") from error
