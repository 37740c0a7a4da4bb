"""Every option of the command line, once: its names, bounds and words. Commands choose from them."""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

PROCESSED = "processed"
LARGEST = 2**31 - 1


class Option(NamedTuple):
    """What argparse is told of an option."""

    names: tuple[str, ...]
    settings: dict[str, Any]

    def add_to(self, command: "argparse._ActionsContainer", *, more: str = "", **settings: Any) -> argparse.Action:
        """Give it to a command, with settings of that command and ``more`` words about it."""
        told = {**self.settings, **settings}
        return command.add_argument(*self.names, **{**told, "help": f"{told['help']}{more}"})


class OldName(argparse.Action):
    """An earlier name of an option: it works as ``const``, the one of today, does, and leaves a note."""

    def __call__(
        self,
        _: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.notes = [*getattr(namespace, "notes", ()), f"{option_string} is called {self.const} here"]


def with_old_names(command: argparse.ArgumentParser, option: Option, *old: str, **settings: Any) -> None:
    """An option of which earlier names are understood, one of them at a time."""
    names = command.add_mutually_exclusive_group()
    action = option.add_to(names, **settings)
    names.add_argument(
        *old,
        dest=action.dest,
        action=OldName,
        const=option.names[0],
        type=name,
        default=action.default,
        help=argparse.SUPPRESS,
    )


def name(text: str) -> str:
    """The name of a file or a folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected the name of a file or folder, got an empty text")
    return text


def whole(least: int, most: int = LARGEST) -> Callable[[str], int]:
    """A whole number within bounds."""

    def number(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,30}", text, re.ASCII) or not least <= int(text) <= most:
            to = "" if most == LARGEST else f" to {most:,}"
            raise argparse.ArgumentTypeError(f"expected a number from {least}{to}, got {text}")
        return int(text)

    return number


def _option(*names: str, **settings: Any) -> Option:
    return Option(names, settings)


def _flag(name: str, told: str) -> Option:
    return _option(name, action="store_true", help=told)


# What is read.
CONFIG = _option(
    "--config",
    metavar="FILE",
    type=name,
    help="YAML configuration (default: the embedded one, as in configs/uncertainty.yaml)",
)
DATA = _option(
    "--data",
    metavar="PATH",
    type=name,
    help="folder of VN2 CSVs; Parquet, CSV or Arrow IPC file; folder or pattern of such",
)
RUN = _option("--run", metavar="DIR", type=name, help="folder of a finished vn2pl impute")
BACKTEST = _option(
    "--backtest",
    action="append",
    default=[],
    metavar="DIR",
    type=name,
    help="folder of a finished vn2pl backtest, for calibration; may be repeated",
)
INFER_STOCKOUTS = _flag(
    "--infer-stockouts",
    "for a panel without in_stock: take weeks before a SKU's first sale, and runs of zero sales too long for it, for "
    "stockouts; docs/method.md says how often that is right",
)
MISSING_ROWS = _option(
    "--missing-rows",
    choices=["ignore", "zero", "stockout"],
    help="weeks without a row between the first and the last row of a SKU: left out (default), in stock without sales, "
    "or out of stock",
)
RETURNS = _option("--returns", choices=["refuse", "clip"], help="negative sales: an error (default), or taken for 0")
DECIMAL_COMMA = _option(
    "--decimal-comma", action="store_true", default=None, help="3,5 is 3.5 and 1.234,5 is 1234.5 in sales"
)
DATE_FORMAT = _option("--date-format", metavar="F", help="how weeks are written, such as %%d/%%m/%%Y")
TIME_ZONE = _option("--time-zone", metavar="Z", help="where timestamps are midnight, such as Europe/Berlin")
SKU_FORMAT = _option(
    "--sku-format", metavar="F", help="how a column unique_id is made of its parts, such as Store/Product"
)

# What is written.
OUT = _option("--out", metavar="DIR", type=name, help="folder for ")
TO = _option("--to", metavar="FILE", type=name, help="write there instead of to standard output")
SAVE_NEIGHBOURS = _flag("--save-neighbours", "also write neighbours.parquet")
FORMAT = _option("--format", help="form of what is written")
SEPARATOR = _option(
    "--separator", choices=["comma", "semicolon", "tab"], help="csv: between the columns (default: comma)"
)

# How it is computed.
N_JOBS = _option(
    "--n-jobs",
    type=whole(-1),
    default=-1,
    metavar="N",
    help="threads; -1 all cores, 1 sequential, four a core at most (default: -1)",
)
IGNORE_MEMORY = _flag("--ignore-memory", "go on where the panel seems too large for the memory")
N_NEIGHBORS = _option(
    "--n-neighbors", type=whole(1, 1_000_000), metavar="K", help="neighbours of a stockout (default: configuration)"
)
CANDIDATE_WEEKS = _option(
    "--candidate-weeks",
    choices=["past", "all"],
    help="learn from earlier weeks only, or from later ones as well (default: configuration)",
)
ENGINE = _option(
    "--engine",
    choices=["auto", "streaming", "in-memory"],
    default="auto",
    help="Polars engine; results are the same (default: auto, which is streaming)",
)
DRY_RUN = _flag("--dry-run", "check configuration and panel, tell the work and the memory; write nothing")
FULL = _flag(
    "--full", "compute all stockouts, also those that an earlier run in the output folder computed from the same past"
)
FRESH = _flag("--fresh", "discard the finished shards of a long run that was stopped")
EXPLAIN = _flag("--explain", "print the logical and the physical plan; write nothing")
MASK = _option(
    "--mask",
    choices=["blocks", "launch", "partial", "observed"],
    default="blocks",
    help="which weeks to hide (default: blocks)",
)
SEEDS = _option("--seeds", type=whole(1, 1000), default=3, metavar="N", help="masks to draw (default: 3)")
FIRST_SEED = _option("--first-seed", type=whole(0), default=201, metavar="S", help="their first seed (default: 201)")
SKUS = _option("--skus", type=whole(1), default=599, metavar="N", help="SKUs (default: 599)")
WEEKS = _option("--weeks", type=whole(1), default=157, metavar="W", help="weeks (default: 157)")
TRIALS = _option("--trials", type=whole(1, 1_000_000), metavar="N", help="sipmath: draws from each SIP (default: 1000)")
SEED = _option("--seed", type=whole(0, 2**63 - 1), metavar="S", help="seed of the ")

# What is asked for.
STORE = _option("--store", metavar="S", help="Store, as in the panel")
PRODUCT = _option("--product", metavar="P", help="Product, as in the panel")
WEEK = _option("--week", metavar="W", required=True, help="first day of the week, such as 2024-04-08")
SKU = _option(
    "--sku",
    action="append",
    default=[],
    metavar="STORE/PRODUCT",
    help="draw this SKU; may be repeated (default: those to which imputation adds most)",
)
LIST = _flag("--list", "list the named queries and their parameters")
PARAM = _option("--param", action="append", default=[], metavar="K=V", help="value of a parameter; may be repeated")

# What is told.
STRICT = _flag("--strict", "exit with 1 if a stockout is left without a SIP")
QUIET = _flag("--quiet", "print nothing but errors")
JSON = _flag("--json", "print the result as one JSON object and nothing else")

# What goes with --data only: a finished run has its own.
OF_READING = (MISSING_ROWS, RETURNS, DECIMAL_COMMA, DATE_FORMAT, TIME_ZONE, SKU_FORMAT)
OF_PANEL = (CONFIG, INFER_STOCKOUTS, N_NEIGHBORS, CANDIDATE_WEEKS)
