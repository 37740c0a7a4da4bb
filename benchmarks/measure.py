"""Measuring in fresh processes, and telling what was measured."""

import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from vn2pl import __version__

from .data import ROOT

Result = TypeVar("Result")

RESULTS = ROOT / "benchmarks" / "results"
STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
MIB = 2**20


class Cost(NamedTuple):
    """What one run took: seconds of the clock and of all cores, and memory in MiB."""

    wall: float
    cpu: float
    peak: float
    extra: float


class Clock:
    """Measures a block; ``extra`` is the peak of memory within it, over what the process held when it began."""

    cost: Cost

    def __enter__(self) -> "Clock":
        self._held = _memory("VmRSS")
        self._before = peak_memory()
        with contextlib.suppress(OSError):
            CLEAR.write_text(RESET_PEAK)
        self._cpu, self._wall = _cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu, reached = time.perf_counter() - self._wall, _cpu_seconds() - self._cpu, peak_memory()
        self.cost = Cost(wall, cpu, max(self._before, reached), max(0.0, reached - self._held))


def peak_memory() -> float:
    """Peak of this process, MiB. ``ru_maxrss`` also counts what its parent held when it was started."""
    if STATUS.exists():
        return _memory("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def _memory(field: str) -> float:
    if not STATUS.exists():
        return 0.0
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines() if ":" in line)
    return int(lines[field].split()[0]) / 1024


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def in_fresh_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """The result of a module's function, called in a new interpreter."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def command_cost(command: Sequence[str]) -> Cost:
    """Cost of a command, its start included; the launcher between is small, so that its memory does not count.

    Python may keep what it compiles, as the installer of a package does: else every start would compile all anew.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    launched = subprocess.run(
        [sys.executable, "-m", "benchmarks.launch", *command],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    wall, cpu, peak = (float(figure) for figure in launched.stdout.split()[-3:])
    return Cost(wall, cpu, peak, peak)


def median_cost(costs: Iterable[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(median(figures) for figures in zip(*costs, strict=True)))


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, Polars, vn2pl and of other packages that are installed."""
    found = {"vn2pl": __version__, "python": platform.python_version()}
    for package in ("polars", "numpy", *packages):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def commit() -> str:
    """The commit that is measured, with a plus where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return told.stdout.strip() or "unknown"


def machine() -> str:
    """Cores and processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {names[0] if names else platform.processor() or platform.machine()}"


def circumstances(*packages: str) -> dict[str, Any]:
    """When, where and of what a measurement is."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(*packages),
    }


@contextlib.contextmanager
def watched_load(facts: dict[str, Any]) -> Iterator[None]:
    """Notes the load averages (1, 5, 15 minutes) around a measurement."""
    facts["load_before"] = [round(load, 2) for load in os.getloadavg()]
    yield
    facts["load_after"] = [round(load, 2) for load in os.getloadavg()]


def told_circumstances(facts: dict[str, Any], /) -> str:
    """What tables say under them of where a measurement was made."""
    before, after = facts["load_before"][0], facts["load_after"][0]
    return f"{facts['machine']}, commit {facts['commit']}, load average {before} before and {after} after."


def save(name: str, facts: dict[str, Any]) -> Path:
    """Keep a result as JSON under benchmarks/results."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return path


def load(name: str) -> dict[str, Any]:
    """The last result of that name. Raises SystemExit where there is none."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        raise SystemExit(f"{path.relative_to(ROOT)} is not there: run python -m benchmarks.{name} first")
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return facts
