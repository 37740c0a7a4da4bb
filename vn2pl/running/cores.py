"""What Polars reads of the environment: how many threads it may use, how its allocator shares memory, its engine."""

import math
import os
import sys
from pathlib import Path

from ..errors import InputError

THREADS = "POLARS_MAX_THREADS"
MOST_PER_CORE = 4
ALLOCATOR = "_RJEM_MALLOC_CONF"
ENGINE = "POLARS_ENGINE_AFFINITY"
# An arena per core and not four: memory that one thread lets go of is at hand for the next, a fifth less at the peak.
SHARED_ARENAS = "percpu_arena:percpu,dirty_decay_ms:1000"
CGROUP_QUOTAS = (Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))


def usable_cores() -> int:
    """Cores of this process: the machine's, less what affinity and a container's quota withhold."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(1, min(affinity, math.ceil(quota))) if quota else affinity


def bound_threads(jobs: int) -> int:
    """Give Polars ``jobs`` threads, -1 meaning all usable cores, and four for each core at most; returns their number.

    Memory grows with the square of threads. Must run before Polars is imported. Raises InputError for other numbers.
    """
    if jobs == 0 or jobs < -1:
        raise InputError(f"--n-jobs: expected a number of threads from 1, or -1 for all cores, got {jobs}")
    if "polars" in sys.modules:
        raise RuntimeError("polars is imported already: its number of threads is fixed")
    cores = usable_cores()
    threads = cores if jobs == -1 else min(jobs, MOST_PER_CORE * cores)
    os.environ[THREADS] = str(threads)
    return threads


def share_arenas() -> None:
    """Let Polars' allocator (jemalloc, on Linux) keep one arena per core, unless the environment says otherwise.

    Must run before Polars is imported.
    """
    if sys.platform == "linux":
        os.environ.setdefault(ALLOCATOR, SHARED_ARENAS)


def own_engine() -> None:
    """Let no engine of the environment, such as one for graphics cards, stand in for those that vn2pl chooses."""
    os.environ.pop(ENGINE, None)


def _quota() -> float | None:
    unified, legacy = CGROUP_QUOTAS
    try:
        if unified.exists():
            quota, period = unified.read_text().split()
        else:
            quota, period = legacy.read_text(), legacy.with_name("cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None
