"""``vn2pl demo``: write a generated panel and its true demand."""

import argparse
from functools import partial
from pathlib import Path

from ..errors import InputError
from ..reading.demo import demo_panel
from ..running.runs import refuse_mixing
from ..writing.artifacts import lying
from ..writing.transactions import output_folder, replacing_set
from .statuses import DONE
from .terminal import say

PANEL_FILE = "panel.parquet"
DEMAND_FILE = "demand.parquet"


def run(arguments: argparse.Namespace) -> int:
    """Write panel.parquet and demand.parquet and say where they are."""
    folder = Path(arguments.out)
    with output_folder(folder, check=partial(_refuse_unfit, folder)):
        try:
            demo = demo_panel(skus=arguments.skus, weeks=arguments.weeks, seed=arguments.seed)
        except ValueError as error:
            raise InputError(str(error)) from None
        with replacing_set(folder) as files:
            files.parquet(PANEL_FILE, demo.panel)
            files.parquet(DEMAND_FILE, demo.demand)
    stockouts = demo.panel["in_stock"].not_().sum()
    say(f"{folder / PANEL_FILE}   {demo.panel.height:,} SKU-weeks, {stockouts:,} of them stockouts")
    say(f"{folder / DEMAND_FILE}  the true demand of each")
    return DONE


def _refuse_unfit(folder: Path) -> None:
    """A panel of somebody's own has no such demand beside it, and one beside a run may be what it was made of."""
    refuse_mixing(folder, command="vn2pl demo")
    if len(found := lying(folder, (PANEL_FILE, DEMAND_FILE))) == 1:
        told = f"expected a folder without a {found[0]} that is not from vn2pl demo"
        raise InputError(f"--out {folder}: {told}; choose another --out")
