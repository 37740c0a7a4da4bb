"""Runs a command and prints its seconds, CPU seconds and peak memory in MiB as the last line.

It imports next to nothing: what a parent holds when it starts a process counts as that process's peak.
"""

import os
import subprocess
import sys
import time

KIB = 1024


def main() -> int:
    """Run the command given as arguments; its status is ours."""
    start = time.perf_counter()
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    peak = used.ru_maxrss / (KIB * KIB if sys.platform == "darwin" else KIB)
    print(wall, used.ru_utime + used.ru_stime, peak)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
