"""A run from one call: in memory, or into a folder, with all that a nightly run needs: reuse of an earlier one, a check
of memory, checkpoints, and files that appear together."""

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from .. import __version__
from ..config import Config
from ..writing.artifacts import IMPUTE_OUTPUTS, RUN_FILE
from ..writing.transactions import output_folder, replacing_set
from . import checkpoint
from .fingerprint import Fingerprint, fingerprint
from .imputation import Run
from .previous_run import Earlier, findings, look_at, nothing
from .runs import IMPUTE, refuse_unfit, steadily
from .shards import SILENT, Engine, Report, Search, actual_engine
from .stages import Findings

DEFAULT = Config()


class Source(NamedTuple):
    """Where a panel comes from, for messages and ``run.json``: its name, whether its stockouts were inferred, what
    reading it noticed, and the seconds that it took."""

    data: str = "a frame in memory"
    stockouts: str = "given"
    notes: Sequence[str] = ()
    seconds: Mapping[str, float] = {}


IN_MEMORY = Source()


class Target(NamedTuple):
    """The folder that a run goes to, what the run rests on, and whether checkpoints there count for nothing."""

    folder: Path
    now: Future[Fingerprint]
    is_fresh: bool
    report: Report


def impute(
    panel: pl.LazyFrame | pl.DataFrame,
    config: Config = DEFAULT,
    /,
    *,
    out: str | Path | None = None,
    save_neighbours: bool = False,
    full: bool = False,
    fresh: bool = False,
    ignore_memory: bool = False,
    engine: Engine = "auto",
    report: Report = SILENT,
    source: Source = IN_MEMORY,
) -> Run:
    """Impute every stockout of a panel (as from ``scan_panel``), as a :class:`Run` whose frames are computed when they
    are first asked for, and kept.

    With ``out`` all is computed and written at once, as ``vn2pl impute`` does: files of an earlier run there are used
    as far as they stand unless ``full``, and shards of a run that was stopped unless ``fresh``. ``save_neighbours``
    keeps the neighbours of every stockout, in the folder too. Raises InputError where the run will not fit into memory,
    unless ``ignore_memory``, and where it cannot be written. ``report`` hears how it goes on; messages name options of
    the command, which are these keywords.
    """
    observed = panel.collect(engine=actual_engine(engine)) if isinstance(panel, pl.LazyFrame) else panel
    begin = partial(
        Run,
        *(observed, config),
        save_neighbours=save_neighbours,
        ignore_memory=ignore_memory,
        engine=engine,
        report=report,
        source=source.data,
    )
    if out is None:
        if full or fresh:
            raise ValueError("full, fresh: are for a run into a folder, which out names")
        return begin()
    folder = Path(out)
    check = partial(refuse_unfit, folder, command=IMPUTE, data=source.data)
    # Where nothing was run before, the fingerprint is not needed before the end: it fills gaps of the first steps.
    with output_folder(folder, check=check), ThreadPoolExecutor(1) as aside:
        now = aside.submit(fingerprint, observed, config)
        earlier = nothing("") if full else _earlier(folder, now, config, save_neighbours=save_neighbours)
        target = Target(folder, now, fresh, report)
        run = begin(
            earlier=earlier,
            found_earlier=partial(_found_earlier, target, earlier, config, save_neighbours=save_neighbours),
            shelf=partial(_shelf, target, [earlier.since, save_neighbours]),
        )
        if not earlier.is_current:
            _publish(run, target, source)
    return run


def _earlier(folder: Path, now: Future[Fingerprint], config: Config, *, save_neighbours: bool) -> Earlier:
    if not (folder / RUN_FILE).exists():
        return nothing("")
    return look_at(folder, now.result(), config, with_neighbours=save_neighbours)


def _found_earlier(target: Target, earlier: Earlier, config: Config, *, save_neighbours: bool) -> Findings | None:
    """What the earlier run found. Where its files are current they are read when the folder is free for other runs,
    which may replace them: then None."""
    folder, since = target.folder, earlier.since
    if since is None:
        return None

    def read() -> Findings | None:
        if earlier.is_current and not _earlier(folder, target.now, config, save_neighbours=save_neighbours).is_current:
            return None
        return findings(folder, before=since, with_neighbours=save_neighbours)

    return steadily(read, folder) if earlier.is_current else read()


def _shelf(target: Target, rests_on: Sequence[object], search: Search) -> checkpoint.KeptShards | None:
    """Where a long search keeps its shards."""
    if target.is_fresh:
        checkpoint.discard(target.folder)
    if search.pairs < checkpoint.WORTH_KEEPING:
        return None
    now = target.now.result()
    shelf = checkpoint.KeptShards(target.folder, rests_on=[now.settings, sorted(now.weeks.items()), *rests_on])
    if finished := shelf.finished(search.shards):
        kept = f"{finished} of {len(search.shards)} shards are kept"
        target.report.say(f"Going on after a run that was stopped: {kept}")
    return shelf


def _publish(run: Run, target: Target, source: Source) -> None:
    """Compute all frames, and write them with their record in one step."""
    timings = dict(source.seconds)
    with _timed(timings, "impute"):
        frames = _frames(run)
    target.report.say("Writing")
    with replacing_set(target.folder) as files:
        with _timed(timings, "write"):
            files.publish(IMPUTE_OUTPUTS, frames)
        files.record(_facts(run, target.now.result(), source, timings))
    checkpoint.discard(target.folder)


def _frames(run: Run) -> dict[str, pl.DataFrame]:
    if run.computed:
        # Features are not published, and take memory that the search may need.
        run.forget_features()
    wanted = [output.frame for output in IMPUTE_OUTPUTS if run.has_neighbours or not output.is_optional]
    return {name: getattr(run, name) for name in wanted}


def _facts(run: Run, now: Fingerprint, source: Source, timings: Mapping[str, float]) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": source.data,
        "data_fingerprint": now.content,
        "stockouts": source.stockouts,
        "notes": source.notes,
        "config": msgspec.to_builtins(run.config),
        "profile_parameters": msgspec.to_builtins(run.config.definition),
        "versions": {"vn2pl": __version__, "polars": pl.__version__, "python": platform.python_version()},
        "threads": pl.thread_pool_size(),
        "rows": {"panel": run.panel.height, "sips": run.sips.height},
        "stockouts_computed": run.computed,
        "earlier_run": run.earlier.reason,
        "summary": run.figures,
        "seconds": {name: round(seconds, 3) for name, seconds in timings.items()},
        "fingerprint": msgspec.to_builtins(now),
    }


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start
