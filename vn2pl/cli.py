"""The command line. Polars and rich are imported by the command that needs them, after its threads are set."""

import argparse
import gc
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from . import __version__, interrupts
from .errors import InputError

DONE, INCOMPLETE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
SELDOM = 100_000


def entry() -> NoReturn:
    """`main` as a process of its own, which ends without taking the interpreter apart: that takes as long as writing.

    Handlers of ``atexit`` do not run. Where output cannot be flushed, the interpreter is left to end as it does.
    """
    # Imports make objects by the ten thousand, none of which is garbage.
    gc.set_threshold(SELDOM)
    status = main()
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0 done; 1 done, but stockouts are left without a SIP and ``--strict`` was given; 2 bad input or configuration;
    130 interrupted.
    """
    parsed = _parsed(arguments)
    interrupts.forget()
    try:
        return int(_command(parsed.command)(parsed))
    except InputError as error:
        for problem in error.problems:
            print(f"vn2pl: {problem}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"vn2pl: interrupted; {interrupts.outcome()}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return DONE


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Unknown options are told by the command that does not have them, with the nearest that it has."""
    parsed, unknown = parser().parse_known_args(arguments)
    if unknown:
        known = re.findall(r"--[a-z-]+", parsed.parser.format_help())
        near = get_close_matches(unknown[0].partition("=")[0], known, n=1, cutoff=0.75)
        hint = f"; did you mean {near[0]}?" if near else ""
        parsed.parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return parsed


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    from .cores import bound_threads, share_arenas

    def run(parsed: argparse.Namespace) -> int:
        bound_threads(getattr(parsed, "n_jobs", -1))
        share_arenas()
        command: Callable[[argparse.Namespace], int] = import_module(f"vn2pl.commands.{name}").run
        return command(parsed)

    return run


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="vn2pl",
        description="Stockout imputation for retail: the demand of every week without stock.",
        epilog="""examples:
  vn2pl impute                                 the generated demo panel
  vn2pl impute --data sales.parquet --out processed
  vn2pl query worst_stockouts --out processed

Every command explains itself: vn2pl impute --help

exit status: 0 done, 1 a stockout left without a SIP (impute --strict),
2 bad input, 130 interrupted""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"vn2pl {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    _add_impute(commands)
    _add_backtest(commands)
    _add_why(commands)
    _add_query(commands)
    _add_export(commands)
    _add_report(commands)
    _add_demo(commands)
    _add_verify(commands)
    _add_completion(commands)
    return top


def _add_impute(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "impute",
        "impute the stockout weeks of a panel",
        """examples:
  vn2pl impute                                      the generated demo panel
  vn2pl impute --data sales.parquet --out processed
  vn2pl impute --data unflagged.csv --infer-stockouts --candidate-weeks all
  vn2pl impute --config configs/uncertainty.yaml --n-neighbors 20 --n-jobs -1

A run builds on the files of an earlier one in the same folder: stockouts that
it computed from the same past (candidate_weeks: past) are not computed again.
The bytes are those of a full run.

exit status:
  0 done, 1 stockouts without a SIP (with --strict), 2 bad input,
  130 interrupted""",
    )
    _add_panel_options(command)
    command.add_argument(
        "--out",
        "--processed",
        dest="out",
        metavar="DIR",
        default="processed",
        help="folder for demand_imputed.parquet, imputed_sips.parquet, imputation_summary.csv and run.json "
        "(default: processed)",
    )
    _add_search_options(command)
    command.add_argument(
        "--engine",
        choices=["auto", "streaming", "in-memory"],
        default="auto",
        help="Polars engine; results are the same (default: auto, which is streaming)",
    )
    command.add_argument("--save-neighbours", action="store_true", help="also write neighbours.parquet")
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="check configuration and panel, tell the work and the memory; write nothing",
    )
    command.add_argument(
        "--full",
        action="store_true",
        help="compute all stockouts, also those that an earlier run in the output folder computed from the same past",
    )
    command.add_argument(
        "--fresh", action="store_true", help="discard the finished shards of a long run that was stopped"
    )
    command.add_argument(
        "--explain", action="store_true", help="print the logical and the physical plan; write nothing"
    )
    command.add_argument("--strict", action="store_true", help="exit with 1 if a stockout is left without a SIP")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.add_argument("--json", action="store_true", help="print the summary as one JSON object and nothing else")


def _add_backtest(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "backtest",
        "hide in-stock weeks, impute them and compare with what was sold",
        """examples:
  vn2pl backtest                                    the generated demo panel
  vn2pl backtest --data sales.parquet --mask launch
  vn2pl backtest --data sales.parquet --candidate-weeks all --seeds 6 --json

masks:
  blocks    runs of 1 to 8 in-stock weeks (default)
  launch    the first 8 weeks of SKUs that start late
  partial   weeks of blocks, of which as much is shown as a random last stock
            would have sold
  observed  the panel's own stockout runs, moved to other SKUs

exit status: 0 done, 2 bad input, 130 interrupted""",
    )
    _add_panel_options(command)
    command.add_argument(
        "--mask",
        choices=["blocks", "launch", "partial", "observed"],
        default="blocks",
        help="which weeks to hide (default: blocks)",
    )
    command.add_argument("--seeds", type=int, default=3, metavar="N", help="masks to draw (default: 3)")
    command.add_argument("--first-seed", type=int, default=201, metavar="S", help="their first seed (default: 201)")
    _add_search_options(command)
    command.add_argument(
        "--out",
        metavar="DIR",
        default="backtest",
        help="folder for backtest_rows.parquet, backtest_table.parquet and run.json (default: backtest)",
    )
    command.add_argument("--json", action="store_true", help="print the figures as one JSON object and nothing else")


def _add_why(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "why",
        "explain one stockout: its profile, its neighbours and its distribution",
        """examples:
  vn2pl why --data sales.parquet --store 0 --product 126 --week 2021-04-12
  vn2pl why --data vn2/ --store 0 --product 126 --week 2021-04-12 --json

exit status: 0 done, 2 bad input or no such stockout, 130 interrupted""",
    )
    command.add_argument("--store", metavar="S", required=True, help="Store, as in the panel")
    command.add_argument("--product", metavar="P", required=True, help="Product, as in the panel")
    command.add_argument("--week", metavar="W", required=True, help="first day of the week, such as 2024-04-08")
    _add_panel_options(command)
    _add_search_options(command)
    command.add_argument("--json", action="store_true", help="print all of it as one JSON object and nothing else")


def _add_query(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "query",
        "answer a question about a run with SQL",
        """examples:
  vn2pl query --list
  vn2pl query lift_by_store
  vn2pl query worst_stockouts --param top=50 --out processed --to worst.csv
  vn2pl query mine.sql --data sales.parquet --format json

tables: panel, imputed, sips, summary, neighbours

a file starts with its title and its parameters, which stand in the SQL as
:top and :since:
  -- Worst stockouts
  -- param top: integer = 20  how many rows
  -- param since: date  first week (no default: must be given)

types: integer, number, date, text

exit status: 0 done, 2 bad input or SQL, 130 interrupted""",
    )
    command.add_argument("query", nargs="?", metavar="NAME|FILE.sql", help="a named query, or a file of your own")
    command.add_argument("--list", action="store_true", help="list the named queries and their parameters")
    command.add_argument(
        "--param", action="append", default=[], metavar="K=V", help="value of a parameter; may be repeated"
    )
    source = command.add_mutually_exclusive_group()
    source.add_argument("--data", metavar="PATH", help="a panel, as of vn2pl impute: impute it, then query")
    _add_earlier_run(source, "--out", "--processed")
    command.add_argument("--config", metavar="FILE", help="YAML configuration, with --data")
    _add_inference_option(command)
    _add_reading_options(command)
    command.add_argument(
        "--format",
        choices=["table", "csv", "json", "parquet"],
        help="form of the answer (default: as the name in --to says, else table)",
    )
    command.add_argument("--to", metavar="FILE", help="write the answer there instead of printing it")
    _add_machine_options(command)
    command.set_defaults(n_neighbors=None, candidate_weeks=None)


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "export",
        "write the distributions of a run for a spreadsheet or a simulation",
        """examples:
  vn2pl export --format csv --to sips.csv
  vn2pl export --format csv --separator semicolon --store 61 --to store61.csv
  vn2pl export --format sipmath --trials 1000 --to demand.SIPmath
  vn2pl export --format sipmath --store 61 --product 231 | jq .sips[0]

formats:
  csv      one row a stockout, one column a quantile level (P50 is the median);
           files are UTF-8 with a byte-order mark, so that Excel reads accents;
           text that starts with = + - @ gets an apostrophe before it
  sipmath  a SIPmath 3.0 library (JSON): every SIP as an array of trials, as
           vn2pl.sample draws them

exit status: 0 done, 2 bad input, 130 interrupted""",
    )
    command.add_argument("--format", choices=["csv", "sipmath"], required=True, help="form of the file")
    _add_earlier_run(command, "--out", "--processed")
    command.add_argument("--to", metavar="FILE", help="write there instead of to standard output")
    command.add_argument("--store", action="append", metavar="S", help="only this Store; may be repeated")
    command.add_argument("--product", action="append", metavar="P", help="only this Product; may be repeated")
    command.add_argument("--trials", type=int, metavar="N", help="sipmath: draws from each SIP (default: 1000)")
    command.add_argument("--seed", type=int, metavar="S", help="sipmath: seed of the draws (default: 0)")
    command.add_argument(
        "--separator", choices=["comma", "semicolon", "tab"], help="csv: between the columns (default: comma)"
    )
    command.set_defaults(data=None)


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "report",
        "show a run as one HTML file that needs no network",
        """examples:
  vn2pl report                         of processed, into report.html
  vn2pl report --processed processed --out report.html --backtest backtest
  vn2pl report --sku 61/231 --sku 0/126

needs the extra: pip install 'vn2pl[report]'
exit status: 0 done, 2 bad input or extra missing, 130 interrupted""",
    )
    _add_earlier_run(command, "--processed")
    command.add_argument("--out", metavar="FILE", default="report.html", help="the report (default: report.html)")
    command.add_argument(
        "--sku",
        action="append",
        default=[],
        metavar="STORE/PRODUCT",
        help="draw this SKU; may be repeated (default: those to which imputation adds most)",
    )
    command.add_argument(
        "--backtest",
        action="append",
        default=[],
        metavar="DIR",
        help="output folder of an earlier vn2pl backtest, for calibration; may be repeated",
    )


def _add_verify(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "verify",
        "check that an output folder holds the complete files of one run",
        """examples:
  vn2pl verify processed

exit status: 0 complete, 2 not""",
    )
    command.add_argument("folder", metavar="DIR", help="output folder of an earlier run")


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "demo",
        "write a generated panel and its true demand",
        """examples:
  vn2pl demo --out demo
  vn2pl demo --out large --skus 5990 --seed 7

exit status: 0 done, 2 bad input, 130 interrupted""",
    )
    command.add_argument(
        "--out", metavar="DIR", default="demo", help="folder for panel.parquet and demand.parquet (default: demo)"
    )
    command.add_argument("--skus", type=int, default=599, metavar="N", help="SKUs (default: 599)")
    command.add_argument("--weeks", type=int, default=157, metavar="W", help="weeks (default: 157)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the generator (default: 1)")


def _add_completion(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "completion",
        "print a script that completes commands and options in a shell",
        """examples:
  vn2pl completion bash > ~/.local/share/bash-completion/completions/vn2pl
  vn2pl completion zsh > ~/.zfunc/_vn2pl       a folder of $fpath
  vn2pl completion fish > ~/.config/fish/completions/vn2pl.fish

exit status: 0 done, 2 no such shell""",
    )
    command.add_argument("shell", choices=["bash", "zsh", "fish", "tcsh", "powershell"], help="the shell")


def _add_earlier_run(options: "argparse._ActionsContainer", *names: str) -> None:
    options.add_argument(
        *names,
        metavar="DIR",
        default="processed",
        help="output folder of an earlier vn2pl impute (default: processed)",
    )


def _add_panel_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config",
        metavar="FILE",
        help="YAML configuration (default: the embedded one, as in configs/uncertainty.yaml)",
    )
    command.add_argument(
        "--data",
        metavar="PATH",
        help="folder of VN2 CSVs; Parquet, CSV or Arrow IPC file; folder or pattern of such (default: the demo panel)",
    )
    _add_inference_option(command)
    _add_reading_options(command)
    _add_machine_options(command)


def _add_machine_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--n-jobs", type=int, default=-1, metavar="N", help="threads; -1 all cores, 1 sequential (default: -1)"
    )
    command.add_argument(
        "--ignore-memory", action="store_true", help="go on where the panel seems too large for the memory"
    )


def _add_inference_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--infer-stockouts",
        action="store_true",
        help="for a panel without in_stock: take weeks before a SKU's first sale, and runs of zero sales too long for "
        "it, for stockouts; docs/method.md says how often that is right",
    )


def _add_reading_options(command: argparse.ArgumentParser) -> None:
    options = command.add_argument_group(
        "how the panel is read", "with --data; each is also a key of the configuration"
    )
    options.add_argument(
        "--missing-rows",
        choices=["ignore", "zero", "stockout"],
        help="weeks without a row between the first and the last row of a SKU: left out (default), in stock without "
        "sales, or out of stock",
    )
    options.add_argument(
        "--returns", choices=["refuse", "clip"], help="negative sales: an error (default), or taken for 0"
    )
    options.add_argument(
        "--decimal-comma", action="store_true", default=None, help="3,5 is 3.5 and 1.234,5 is 1234.5 in sales"
    )
    options.add_argument("--date-format", metavar="F", help="how weeks are written, such as %%d/%%m/%%Y")
    options.add_argument("--time-zone", metavar="Z", help="where timestamps are midnight, such as Europe/Berlin")
    options.add_argument(
        "--sku-format", metavar="F", help="how a column unique_id is made of its parts, such as Store/Product"
    )


def _add_search_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--n-neighbors", type=int, metavar="K", help="neighbours of a stockout (default: configuration)"
    )
    command.add_argument(
        "--candidate-weeks",
        choices=["past", "all"],
        help="learn from earlier weeks only, or from later ones as well (default: configuration)",
    )


def _subparser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, epilog: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(parser=command)
    return command
