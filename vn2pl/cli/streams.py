"""Standard output and error as they may be found: closed, full, read by nobody, or unable to encode a name."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from ..errors import InputError

STDOUT = 1


class Output(io.TextIOWrapper):
    """Text of a standard stream. What cannot be encoded is escaped, and a reader that left early is no error."""

    def write(self, text: str) -> int:
        with _attempted(self.fileno()):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with _attempted(self.fileno()):
            super().flush()


def prepare() -> None:
    """Make standard output and error safe to write to, however this process was started."""
    # A closed descriptor would be given to the next file that is opened, and messages would be written into it. What
    # stands in for it cannot be written to, so that an answer that nobody can see is an error.
    for descriptor in range(3):
        if not _is_open(descriptor):
            os.open(os.devnull, os.O_RDONLY)
    sys.stdout, sys.stderr = _output(sys.stdout, STDOUT), _output(sys.stderr, STDOUT + 1)


@contextmanager
def binary_output() -> Iterator[BinaryIO]:
    """Standard output for bytes, which are data and have an encoding of their own."""
    sys.stdout.flush()
    with _attempted(STDOUT, is_left=True):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


@contextmanager
def _attempted(descriptor: int, *, is_left: bool = False) -> Iterator[None]:
    """Nothing more is written where writing failed. Raises InputError where that loses an answer.

    Messages are lost in silence: a run goes on without them. ``is_left`` raises BrokenPipeError as well.
    """
    try:
        yield
    except OSError as error:
        _discard(descriptor)
        if isinstance(error, BrokenPipeError):
            if is_left:
                raise
        elif descriptor == STDOUT:
            raise InputError(f"standard output: cannot be written: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    return "it is closed" if error.errno == errno.EBADF else str(error.strerror)


def _output(stream: object, descriptor: int) -> Output:
    """A stream over the same buffer; the one given stays what libraries ask for the size of the terminal."""
    if isinstance(stream, io.TextIOWrapper):
        return Output(
            stream.buffer,
            stream.encoding,
            "backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
    return Output(os.fdopen(descriptor, "wb"), "utf-8", "backslashreplace")


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _discard(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
