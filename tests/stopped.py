"""Commands as processes that share one start, each of which can be made to fail at a chosen moment.

Run as a script it reads jobs from standard input, a JSON object a line, and answers each with a line: forking once
Polars is there, but before it has threads, makes a command a process of its own in a tenth of the time.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

ROOT = Path(__file__).parents[1]
WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
FAIL = "fail"


class Ended(NamedTuple):
    """How a command ended: its status (negative: the signal), what it told, and whether the fault came about."""

    status: int
    out: str
    err: str
    is_hit: bool


class Commands:
    """Runs commands, one at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, *words: object, inside: Path | None = None, fault: int | str = "", at: int = 0) -> Ended:
        """``vn2pl WORDS``, with a fault when it changes files inside a folder the ``at``-th time: a signal or FAIL."""
        job = {"words": [*map(str, words)], "inside": str(inside), "fault": fault, "at": at}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))


@contextmanager
def commands() -> Iterator[Commands]:
    """A place to run commands in."""
    words = [sys.executable, "-W", "error", __file__]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Commands(process)
        process.communicate()


class Fault:
    """Counts what a process does to files inside a folder, reading apart, and strikes at one of these moments."""

    def __init__(self, job: dict[str, Any], hit: IO[bytes]) -> None:
        self._job, self._hit, self._count = job, hit, 0
        self._before = {path.stat().st_ino for path in self._files()}
        self._flushed: set[int] = set()
        self._fsync = os.fsync

    def install(self) -> None:
        sys.addaudithook(self._heard)
        os.fsync = self._flushing  # type: ignore[assignment]  # no event tells of it

    def _files(self) -> list[Path]:
        return [path for path in Path(self._job["inside"]).rglob("*") if path.is_file()]

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in WATCHED and str(arguments[0]).startswith(self._job["inside"]):
            is_read = event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
            if not is_read:
                self._moment()

    def _flushing(self, handle: int) -> None:
        self._moment()
        self._fsync(handle)
        self._flushed.add(os.fstat(handle).st_ino)

    def _moment(self) -> None:
        self._count += 1
        if self._count != self._job["at"]:
            return
        self._hit.write(b"hit")
        self._hit.flush()
        if self._job["fault"] == FAIL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._job["fault"] != signal.SIGINT:
            self._lose_what_is_not_flushed()
        signal.raise_signal(self._job["fault"])

    def _lose_what_is_not_flushed(self) -> None:
        """As when the power fails."""
        for path in self._files():
            if path.stat().st_ino not in self._before | self._flushed:
                os.truncate(path, 0)


def _serve() -> None:
    from vn2pl.running import cores

    cores.bound_threads = lambda jobs: jobs
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


def _forked(job: dict[str, Any]) -> Ended:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as hit:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _command(job, hit)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err, hit):
            file.seek(0)
            texts.append(file.read().decode())
        return Ended(status, texts[0], texts[1], bool(texts[2]))


def _command(job: dict[str, Any], hit: IO[bytes]) -> None:
    from vn2pl.cli.main import entry

    signal.alarm(120)
    sys.argv = ["vn2pl", *job["words"]]
    status = 1
    try:
        if job["fault"]:
            Fault(job, hit).install()
        entry()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001  (whatever it is, the test should see it)
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    _serve()
