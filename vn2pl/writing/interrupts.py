"""Ctrl-C: it waits while output is put in place, so that what is said of the output afterwards is true."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_complete: list[Path] = []
_step = threading.RLock()


def forget() -> None:
    """Begin a command: it has not put any output in place."""
    _complete.clear()


def note(output: Path, /) -> None:
    """This command has put its output in place, a file or a folder of them."""
    _complete.append(output)


def outcome() -> str:
    """What a command that was interrupted made of the output files."""
    if _complete:
        return f"its output was complete by then: {', '.join(map(str, _complete))}"
    return "earlier output files are as they were"


@contextmanager
def between_steps() -> Iterator[None]:
    """Wait for the end of a step that Ctrl-C is put off for, in another thread; none begins within the block."""
    with _step:
        yield


@contextmanager
def put_off() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block. Other threads than the main one are never interrupted."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        with _step:
            yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if caught:
        handler(*caught[0])
