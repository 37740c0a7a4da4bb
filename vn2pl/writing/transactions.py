"""Output folders: one run at a time writes there, and its files take the place of the earlier ones in one step.

All files are written beside those that they replace, and flushed. Then a journal that names them is put in place: from
that moment on they count. Whoever opens the folder next completes what a run that was stopped left undone.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
import polars as pl

from ..errors import InputError
from . import interrupts
from .artifacts import (
    RUN_FILE,
    TEMPORARY,
    Output,
    Writer,
    as_parquet,
    as_run,
    beside,
    flush,
    temporary_of,
    writing_to,
)

JOURNAL_FILE = "vn2pl-journal.json"
PATIENCE, MOMENT, PAUSE = 10.0, 0.25, 0.01
UNDONE = "a run has ended there, and the next command that may write there puts the rest of its files in place"

# A journal names files of its own folder, whoever wrote it.
Name = Annotated[str, msgspec.Meta(pattern=r"\A\w[\w.-]*\Z")]


class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left to do in a folder: files of which the temporary ones take the place, and files to remove."""

    replace: Sequence[Name]
    remove: Sequence[Name]


class FileSet:
    """The files of one run, written beside those that they replace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._replaced: list[str] = []
        self._removed: list[str] = []

    def write(self, name: str, write: Writer) -> None:
        """Write a file of that name, to its temporary path."""
        self._replaced.append(name)
        with temporary_of(self._folder / name) as temporary:
            write(temporary)
            flush(temporary)

    def publish(self, outputs: Iterable[Output], frames: Mapping[str, pl.DataFrame]) -> None:
        """Write the frames of these outputs, each to its file; those without a frame have no file in the end."""
        for output in outputs:
            if output.frame not in frames:
                self.remove(output.file)
            elif output.file.endswith(".csv"):
                self.csv(output.file, frames[output.frame])
            else:
                self.parquet(output.file, frames[output.frame])

    def parquet(self, name: str, frame: pl.DataFrame) -> None:
        self.write(name, as_parquet(frame))

    def csv(self, name: str, frame: pl.DataFrame) -> None:
        self.write(name, frame.write_csv)

    def remove(self, name: str) -> None:
        """Have no such file in the end."""
        self._removed.append(name)

    def record(self, facts: Mapping[str, Any]) -> None:
        """Write ``run.json``: the facts of the run, and what was written so far."""
        self.write(RUN_FILE, as_run(facts, {name: beside(self._folder / name) for name in self._replaced}))

    def commit(self) -> Journal:
        """Make these files those that count. The disk has them before it has the journal."""
        path, journal = self._folder / JOURNAL_FILE, Journal(self._replaced, self._removed)
        _flush_names(self._folder)
        with temporary_of(path) as temporary:
            temporary.write_bytes(msgspec.json.encode(journal))
            flush(temporary)
            os.replace(temporary, path)
        _flush_names(self._folder)
        return journal

    def discard(self) -> None:
        """Remove what was written, unless some of it has taken its place already."""
        temporaries, journal = [beside(self._folder / name) for name in self._replaced], self._folder / JOURNAL_FILE
        with suppress(OSError):
            if all(path.exists() for path in temporaries):
                journal.unlink(missing_ok=True)
            if not journal.exists():
                for path in temporaries:
                    path.unlink(missing_ok=True)


@contextmanager
def replacing_set(folder: Path, /) -> Iterator[FileSet]:
    """Files that take the place of those in a folder, all in one step, when the block ends without an error.

    The folder must be held by :func:`output_folder`.
    """
    files = FileSet(folder)
    try:
        yield files
        with interrupts.put_off(), writing_to(folder):
            _put_in_place(folder, files.commit())
            interrupts.note(folder)
    except BaseException as error:
        files.discard()
        if is_pending(folder):
            raise InputError(f"{error}; {UNDONE}") from None
        raise


@contextmanager
def output_folder(folder: Path, /, *, check: Callable[[], None] | None = None) -> Iterator[None]:
    """A folder to write to, made where it is missing, held for this run and cleared of what a killed one left.

    Raises InputError where it cannot be made or written to, or where another run holds it; ``check`` may raise its own
    when the folder is held. Folders that were made and in which nothing was written are removed.
    """
    with making(folder) as made, _locked(folder) as is_held:
        if not is_held:
            made.clear()
            raise InputError(f"{folder}: another run is writing there; wait for it, or choose another --out")
        try:
            _complete(folder)
            if check:
                check()
            _prepare(folder)
            yield
        finally:
            # While the folder is held: nobody else can have begun to write there.
            _remove_empty(made)


def _prepare(folder: Path) -> None:
    """Remove temporary files that a killed run left, and see that the folder can be written to."""
    with writing_to(folder):
        for leftover in folder.glob(f"*{TEMPORARY}"):
            leftover.unlink(missing_ok=True)
        probe = folder / f"probe{TEMPORARY}"
        with interrupts.put_off():
            probe.touch()
            probe.unlink()


@contextmanager
def making(folder: Path, /) -> Iterator[list[Path]]:
    """A folder, made where it is missing: those that had to be made, innermost first. On errors they are removed again,
    where they are empty."""
    with writing_to(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: expected a folder to write to, got a file")
        made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield made
    except BaseException:
        _remove_empty(made)
        raise


def _remove_empty(folders: list[Path]) -> None:
    while folders:
        with suppress(OSError):
            folders.pop(0).rmdir()


def roll_forward(folder: Path, /) -> None:
    """Complete what a run that was stopped left undone; wait for one that is at it, which takes a moment.

    Raises InputError where that cannot be done. Every command that reads a run begins so.
    """
    if not is_pending(folder):
        return
    with _locked(folder) as is_held:
        if is_held:
            _complete(folder)
        elif is_pending(folder):
            raise InputError(f"{folder}: another run is putting its files in place; try again when it is done")


def is_pending(folder: Path, /) -> bool:
    """Whether files that count are still to take their place."""
    return os.path.exists(folder / JOURNAL_FILE)


def _complete(folder: Path) -> None:
    """Do what a journal says, which may have been done in part."""
    if not (journal := _read(folder / JOURNAL_FILE)):
        return
    try:
        with writing_to(folder):
            _put_in_place(folder, journal)
    except InputError as error:
        raise InputError(f"{error}; {UNDONE}") from None


def _put_in_place(folder: Path, journal: Journal) -> None:
    for name in journal.replace:
        with suppress(FileNotFoundError):
            os.replace(beside(folder / name), folder / name)
    for name in journal.remove:
        (folder / name).unlink(missing_ok=True)
    _flush_names(folder)
    (folder / JOURNAL_FILE).unlink(missing_ok=True)
    # A journal that came back would put the temporary files of a later run in place.
    _flush_names(folder)


def _read(path: Path) -> Journal | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Journal)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        raise InputError(
            f"{path}: expected the names of files that a run was putting in place when it was stopped, found no such; "
            "remove it and run again, since the files there may be of two runs"
        ) from None


def _flush_names(folder: Path) -> None:
    """Have the names of the files in a folder on the disk. Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether the folder is held for this process; the system lets go of it when the process ends, however it ends.

    Systems without ``fcntl`` have no such lock.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return

    def is_taken() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    with writing_to(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        with writing_to(folder):
            is_held = _in_time(folder, is_taken)
        yield is_held
    finally:
        os.close(handle)


def _in_time(folder: Path, is_taken: Callable[[], bool]) -> bool:
    """Try again while whoever holds the folder puts files in place, and a moment longer: readers let go of it soon."""
    begun = pending = time.monotonic()
    while not (is_held := is_taken()) and (now := time.monotonic()) < pending + MOMENT:
        if is_pending(folder) and now < begun + PATIENCE:
            pending = now
        time.sleep(PAUSE)
    return is_held
