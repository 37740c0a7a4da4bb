"""How much memory a run needs and may still take, before it starts."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError

BASE = 200_000_000
BYTES_PER_ROW = 480
BYTES_PER_PAIR = 15
BYTES_PER_NEIGHBOUR = 200
WORTH_NAMING = 0.1
# Addresses are reserved generously: for each byte in use, three and a half to four and a half were measured.
ADDRESSES_PER_BYTE = 4

PROCESS = Path("/proc/self")
MACHINE = Path("/proc/meminfo")
GROUPS = Path("/sys/fs/cgroup")


class Estimate(NamedTuple):
    """Bytes at the peak of a run: for the panel and its features, for the pairs searched at once, for neighbours."""

    panel: int
    pairs: int
    neighbours: int

    @property
    def peak(self) -> int:
        """All of it, and what the program itself takes."""
        return BASE + sum(self)


def estimate(*, rows: int, pairs_at_once: int = 0, neighbours: int = 0) -> Estimate:
    """From the rows of the panel, the pairs searched at the same time, and the neighbours that are to be saved.

    Rather too much than too little: measured peaks were 0.36 GB for 94,043 rows, 0.82 GB for 940,430 and 4.47 GB for
    9,404,300, for which this gives 0.48, 1.3 and 6.1 GB; with an allocator that shares less they are a fifth higher.
    """
    return Estimate(BYTES_PER_ROW * rows, BYTES_PER_PAIR * pairs_at_once, BYTES_PER_NEIGHBOUR * neighbours)


def require(estimated: Estimate, /, *, source: str) -> None:
    """Raise InputError, naming what would help, where a run will not fit into the memory that it may still take."""
    room, held = available(), resident()
    if room is None or estimated.peak - held <= room:
        return
    raise InputError(
        f"{source}: needs about {gigabytes(estimated.peak)} of memory, {gigabytes(room + held)} are available: "
        f"{'; '.join(_remedies(estimated))}; or go on regardless with --ignore-memory"
    )


def gigabytes(size: int, /) -> str:
    """``1.2 GB``."""
    return f"{size / 1e9:,.1f} GB"


def available() -> int | None:
    """Bytes that this process may still take, or None where the system does not tell.

    The least of what the machine has left, what the control groups of the process leave, and its address space.
    """
    known = [room for room in (_left_on_machine(), *_left_in_groups(), _left_to_address()) if room is not None]
    return max(0, min(known)) if known else None


def resident() -> int:
    """Bytes that this process holds already, 0 where the system does not tell."""
    return _pages(1) or 0


def _remedies(estimated: Estimate) -> Iterator[str]:
    least = WORTH_NAMING * estimated.peak
    if estimated.neighbours > least:
        yield f"--save-neighbours takes {gigabytes(estimated.neighbours)} of it"
    if estimated.pairs > least:
        yield f"lower cell_candidates or min_candidates, whose pairs take {gigabytes(estimated.pairs)} of it"
    yield f"fewer SKUs or weeks at a time: the panel takes {gigabytes(estimated.panel)} of it"


def _left_on_machine() -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in MACHINE.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _left_in_groups() -> Iterator[int | None]:
    """For each control group of the process, and each one above it: its limit, less what it cannot let go of."""
    try:
        lines = [line.split(":", 2) for line in (PROCESS / "cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in lines:
        if not controllers:
            yield from _left(GROUPS, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _left(GROUPS / "memory", path, *names)


def _left(root: Path, path: str, limit: str, usage: str, reclaimable: str) -> Iterator[int | None]:
    # A container may see its own group as the root, under a path that it cannot see: hence every one above as well.
    group = root / path.lstrip("/")
    for place in (group, *group.parents):
        if place.is_relative_to(root):
            try:
                counts = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
                used = int((place / usage).read_text()) - int(counts[reclaimable])
                yield int((place / limit).read_text()) - used
            except (OSError, KeyError, ValueError):
                continue  # not there, or without a limit ("max")


def _left_to_address() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = _pages(0)
    return None if limit == resource.RLIM_INFINITY or taken is None else (limit - taken) // ADDRESSES_PER_BYTE


def _pages(field: int) -> int | None:
    """Bytes of a field of ``statm``: 0 is the address space, 1 what of it is in memory."""
    try:
        return int((PROCESS / "statm").read_text().split()[field]) * _page_size()
    except (OSError, IndexError, ValueError):
        return None


def _page_size() -> int:
    return os.sysconf("SC_PAGE_SIZE")
