"""``vn2pl verify``: whether an output folder holds the complete files of one run."""

import argparse
from pathlib import Path

from ..artifacts import find_damage
from ..cli import DONE
from ..errors import InputError


def run(arguments: argparse.Namespace) -> int:
    """Check sizes and checksums against ``run.json``; returns the exit status."""
    folder = Path(arguments.folder)
    if problems := find_damage(folder):
        raise InputError(*problems)
    print(f"{folder}: complete")
    return DONE
