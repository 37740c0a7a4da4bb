"""The command line. Polars and rich are imported by the command that needs them, after its threads are set."""

import argparse
import gc
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from .. import __version__
from ..errors import InputError
from ..writing import interrupts
from . import options
from .options import PROCESSED
from .statuses import BAD_INPUT, DONE, INTERRUPTED
from .streams import prepare

SELDOM = 100_000
PATIENCE = 5.0
STATUSES = "exit status: 0 done, 2 bad input, 130 interrupted"


def entry() -> NoReturn:
    """`main` as a process of its own, which ends without taking the interpreter apart: that takes as long as writing.

    Handlers of ``atexit`` do not run.
    """
    # Imports make objects by the ten thousand, none of which is garbage.
    gc.set_threshold(SELDOM)
    prepare()
    _watch_interrupts()
    status = INTERRUPTED
    try:
        try:
            status = _ended()
        except KeyboardInterrupt:
            _ignore_interrupts()
    except KeyboardInterrupt:
        # Polars and Python each raise one for the same Ctrl-C.
        _ignore_interrupts()
    _end(status)


def _end(status: int) -> NoReturn:
    if status == INTERRUPTED:
        print(f"vn2pl: interrupted; {interrupts.outcome()}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(status)


def _watch_interrupts() -> None:
    """Have Ctrl-C end the process in the end, where Polars is long in stopping or Python lost it in an import."""
    if os.name == "nt":
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_end_when_interrupted, args=(reading,), daemon=True).start()


def _end_when_interrupted(signals: int) -> None:
    while os.read(signals, 1) != bytes([signal.SIGINT]):
        pass
    time.sleep(PATIENCE)
    with interrupts.between_steps():
        _end(INTERRUPTED)


def _ended() -> int:
    """The exit status of `main`, once all that it printed is written."""
    try:
        status = main()
    except SystemExit as ended:
        status = int(ended.code or DONE)
    try:
        sys.stdout.flush()
    except InputError as error:
        return _refused(error)
    return status


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0 done, also where the reader of a pipe left early; 1 done, but stockouts are left without a SIP and ``--strict``
    was given; 2 bad input or configuration.
    """
    interrupts.forget()
    try:
        parsed = _parsed(arguments)
        if not getattr(parsed, "quiet", False):
            for note in getattr(parsed, "notes", ()):
                print(f"vn2pl: note: {note}", file=sys.stderr)
        return int(_command(parsed.command)(parsed))
    except InputError as error:
        return _refused(error)
    except BrokenPipeError:
        return DONE
    except OSError as error:
        # A name that no system takes, a disk that fails: whatever else was to be said is said where it happens.
        return _refused(InputError(f"{error.filename or 'input or output'}: {error.strerror or error}"))


def _refused(error: InputError) -> int:
    for problem in error.problems:
        print(f"vn2pl: {problem}", file=sys.stderr)
    return BAD_INPUT


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
    from ..running.cores import bound_threads, own_engine, share_arenas

    def run(parsed: argparse.Namespace) -> int:
        bound_threads(getattr(parsed, "n_jobs", -1))
        share_arenas()
        own_engine()
        command: Callable[[argparse.Namespace], int] = import_module(f"vn2pl.cli.{name}").run
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
  vn2pl query worst_stockouts --run processed

Every command explains itself: vn2pl impute --help

exit status: 0 done (also where the reader of a pipe leaves early),
1 a stockout left without a SIP (impute --strict), 2 bad input, 130 interrupted""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"vn2pl {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    for add in (
        _add_impute,
        _add_backtest,
        _add_why,
        _add_query,
        _add_export,
        _add_report,
        _add_demo,
        _add_verify,
        _add_completion,
    ):
        add(commands)
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
    options.with_old_names(
        command,
        options.OUT,
        "--processed",
        default=PROCESSED,
        more="demand_imputed.parquet, imputed_sips.parquet, imputation_summary.csv and run.json (default: processed)",
    )
    _add(command, options.ENGINE, options.SAVE_NEIGHBOURS, options.DRY_RUN, options.FULL, options.FRESH)
    _add(command, options.EXPLAIN, options.STRICT, options.QUIET, options.JSON)


def _add_backtest(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "backtest",
        "hide in-stock weeks, impute them and compare with what was sold",
        f"""examples:
  vn2pl backtest                                    the generated demo panel
  vn2pl backtest --data sales.parquet --mask launch
  vn2pl backtest --data sales.parquet --candidate-weeks all --seeds 6 --json

masks:
  blocks    runs of 1 to 8 in-stock weeks (default)
  launch    the first 8 weeks of SKUs that start late
  partial   weeks of blocks, of which as much is shown as a random last stock
            would have sold
  observed  the panel's own stockout runs, moved to other SKUs

{STATUSES}""",
    )
    _add_panel_options(command)
    _add(command, options.MASK, options.SEEDS, options.FIRST_SEED)
    more = "backtest_rows.parquet, backtest_table.parquet and run.json (default: backtest)"
    options.OUT.add_to(command, default="backtest", more=more)
    _add(command, options.JSON)


def _add_why(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "why",
        "explain one stockout: its profile, its neighbours and its distribution",
        """examples:
  vn2pl why --run processed --store 0 --product 126 --week 2021-04-12
  vn2pl why --data vn2/ --store 0 --product 126 --week 2021-04-12 --json

Of a finished run it tells the SIP that is there, with the settings and the
panel of that run. With --data it imputes that one stockout of a panel.

exit status: 0 done, 2 bad input or no such stockout, 130 interrupted""",
    )
    options.STORE.add_to(command, required=True)
    options.PRODUCT.add_to(command, required=True)
    _add(command, options.WEEK)
    options.RUN.add_to(command, more=f" (default: {PROCESSED})")
    _add_panel_options(command, instead_of_run=True)
    _add(command, options.JSON)


def _add_query(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "query",
        "answer a question about a run with SQL",
        """examples:
  vn2pl query --list
  vn2pl query lift_by_store
  vn2pl query worst_stockouts --param top=50 --run processed --to worst.csv
  vn2pl query mine.sql --data sales.parquet --format json

tables: panel, imputed, sips, summary, neighbours

a file starts with its title and its parameters, which stand in the SQL as
:top and :since:
  -- Worst stockouts
  -- param top: integer = 20  how many rows
  -- param since: date  first week (no default: must be given)

types: integer, number, date, text
The SQL reads these tables only: no files.

exit status: 0 done, 2 bad input or SQL, 130 interrupted""",
    )
    command.add_argument("query", nargs="?", metavar="NAME|FILE.sql", help="a named query, or a file of your own")
    _add(command, options.LIST, options.PARAM)
    _add_run(command, "--out", "--processed")
    _add_panel_options(command, instead_of_run=True)
    options.FORMAT.add_to(
        command,
        choices=["table", "csv", "json", "parquet"],
        more=" (default: as the name in --to says, else table)",
    )
    _add(command, options.TO)


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "export",
        "write the distributions of a run for a spreadsheet or a simulation",
        f"""examples:
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

{STATUSES}""",
    )
    options.FORMAT.add_to(command, choices=["csv", "sipmath"], required=True)
    _add_run(command, "--out", "--processed")
    _add(command, options.TO)
    for option in (options.STORE, options.PRODUCT):
        option.add_to(command, action="append", more="; only these; may be repeated")
    _add(command, options.TRIALS)
    options.SEED.add_to(command, more="draws of sipmath (default: 0)")
    _add(command, options.SEPARATOR)


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "report",
        "show a run as one HTML file that needs no network",
        """examples:
  vn2pl report                         of processed, into report.html
  vn2pl report --run processed --to report.html --backtest backtest
  vn2pl report --sku 61/231 --sku 0/126

needs the extra: pip install 'vn2pl[report]'
exit status: 0 done, 2 bad input or extra missing, 130 interrupted""",
    )
    _add_run(command, "--processed")
    options.with_old_names(
        command, options.TO, "--out", default="report.html", help="the report (default: report.html)"
    )
    _add(command, options.SKU, options.BACKTEST)


def _add_verify(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "verify",
        "check that an output folder holds the complete files of one run",
        """examples:
  vn2pl verify processed

exit status: 0 complete, 2 not""",
    )
    command.add_argument("folder", type=options.name, metavar="DIR", help="folder of a finished run")


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _subparser(
        commands,
        "demo",
        "write a generated panel and its true demand",
        f"""examples:
  vn2pl demo --out demo
  vn2pl demo --out large --skus 5990 --seed 7

{STATUSES}""",
    )
    options.OUT.add_to(command, default="demo", more="panel.parquet and demand.parquet (default: demo)")
    _add(command, options.SKUS, options.WEEKS)
    options.SEED.add_to(command, default=1, more="generator (default: 1)")


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


def _add(command: argparse.ArgumentParser, *chosen: options.Option) -> None:
    for option in chosen:
        option.add_to(command)


def _add_run(command: argparse.ArgumentParser, *old: str) -> None:
    options.with_old_names(command, options.RUN, *old, more=f" (default: {PROCESSED})")


def _add_panel_options(command: argparse.ArgumentParser, *, instead_of_run: bool = False) -> None:
    """How a panel is read and imputed; ``instead_of_run``: by a command that otherwise reads a finished run."""
    options.DATA.add_to(command, more="; instead of --run" if instead_of_run else " (default: the demo panel)")
    of_panel = [option.add_to(command) for option in options.OF_PANEL]
    reading = command.add_argument_group(
        "how the panel is read", "with --data; each is also a key of the configuration"
    )
    of_panel += [option.add_to(reading) for option in options.OF_READING]
    if instead_of_run:
        command.set_defaults(of_panel=of_panel)
    _add(command, options.N_JOBS, options.IGNORE_MEMORY)


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
