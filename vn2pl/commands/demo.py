"""``vn2pl demo``: write a generated panel and its true demand."""

import argparse
from pathlib import Path

from ..artifacts import output_folder, write_parquet
from ..demo import demo_panel
from ..errors import InputError
from ..statuses import DONE
from ..terminal import say

PANEL_FILE = "panel.parquet"
DEMAND_FILE = "demand.parquet"


def run(arguments: argparse.Namespace) -> int:
    """Write panel.parquet and demand.parquet and say where they are."""
    try:
        demo = demo_panel(skus=arguments.skus, weeks=arguments.weeks, seed=arguments.seed)
    except ValueError as error:
        raise InputError(str(error)) from None
    folder = Path(arguments.out)
    with output_folder(folder):
        write_parquet(demo.panel, folder / PANEL_FILE)
        write_parquet(demo.demand, folder / DEMAND_FILE)
    stockouts = demo.panel["in_stock"].not_().sum()
    say(f"{folder / PANEL_FILE}   {demo.panel.height:,} SKU-weeks, {stockouts:,} of them stockouts")
    say(f"{folder / DEMAND_FILE}  the true demand of each")
    return DONE
