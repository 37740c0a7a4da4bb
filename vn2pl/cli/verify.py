"""``vn2pl verify``: whether an output folder holds the complete files of one run."""

import argparse
from pathlib import Path

from ..running.runs import steadily
from ..writing.artifacts import refuse_damage
from .statuses import DONE
from .terminal import say


def run(arguments: argparse.Namespace) -> int:
    """Check sizes and checksums against ``run.json``; returns the exit status."""
    folder = Path(arguments.folder)
    steadily(lambda: refuse_damage(folder), folder)
    say(f"{folder}: complete")
    return DONE
