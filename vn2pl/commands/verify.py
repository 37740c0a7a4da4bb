"""``vn2pl verify``: whether an output folder holds the complete files of one run."""

import argparse
from pathlib import Path

from ..artifacts import refuse_damage
from ..cli import DONE
from ..runs import steadily


def run(arguments: argparse.Namespace) -> int:
    """Check sizes and checksums against ``run.json``; returns the exit status."""
    folder = Path(arguments.folder)
    steadily(lambda: refuse_damage(folder), folder)
    print(f"{folder}: complete")
    return DONE
