"""What of an earlier run still stands: all of it, its stockouts before a week, or nothing, and why."""

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from ..queries import Settings
from ..queries.imputed import DONE, INFERRED, POINT
from ..queries.names import CANDIDATES, FLAGS, IN_STOCK, KEY, LEVEL_SOURCE, NEIGHBOURS, OWN_WEEKS, SALES, STATUS, WEEK
from ..writing.artifacts import IMPUTE_OUTPUTS, IMPUTED_FILE, NEIGHBOURS_FILE, RUN_FILE, SIPS_FILE, find_damage
from .fingerprint import Fingerprint
from .stages import Findings

# Later than every week: nothing is left to compute.
EVERY = date.max
REQUIRED = {output.file for output in IMPUTE_OUTPUTS if not output.is_optional}


class Record(msgspec.Struct, frozen=True):
    """What ``run.json`` must tell of a run for another to build on it."""

    finished: str
    summary: dict[str, float | None]
    fingerprint: Fingerprint
    files: dict[str, Any]

    def __post_init__(self) -> None:
        """Raises ValueError, which makes it invalid, where its weeks are no dates."""
        if min(map(date.fromisoformat, self.fingerprint.weeks), default=None) is None:
            raise ValueError("expected weeks")


class Earlier(NamedTuple):
    """An earlier run in the output folder, as far as it stands.

    ``record`` is None where nothing of it does, else its stockouts before ``since`` do. ``is_current`` says that its
    files do as well. ``reason`` is for the user, empty for a first run.
    """

    record: Record | None
    is_current: bool
    since: date | None
    reason: str


def look_at(folder: Path, now: Fingerprint, settings: Settings, /, *, with_neighbours: bool) -> Earlier:
    """Compare an output folder in which a run has ended with the run that is about to write there."""
    if damage := find_damage(folder):
        return nothing(f"the earlier files are not whole ({damage[0]})")
    try:
        record = msgspec.json.decode((folder / RUN_FILE).read_bytes(), type=Record)
    except msgspec.MsgspecError:
        return nothing("the earlier files are not those of this version of vn2pl impute")
    before, has_neighbours = record.fingerprint, NEIGHBOURS_FILE in record.files
    if before.settings != now.settings or not record.files.keys() >= REQUIRED:
        return nothing("configuration, versions or columns are not those of the earlier run")
    if with_neighbours and not has_neighbours:
        return nothing("the earlier run did not save its neighbours")
    if before == now and with_neighbours == has_neighbours:
        return Earlier(record, True, EVERY, f"nothing changed since the run of {record.finished}")
    return _partly(record, now, settings)


def nothing(reason: str, /) -> Earlier:
    """Nothing of an earlier run stands."""
    return Earlier(None, False, None, reason)


def _partly(record: Record, now: Fingerprint, settings: Settings) -> Earlier:
    weeks = record.fingerprint.weeks
    changed = record.fingerprint.first_difference(now)
    if changed is None:
        return Earlier(record, False, EVERY, "nothing changed that SIPs rest on")
    if settings.candidate_weeks == "all":
        return nothing("with candidate_weeks: all, new weeks change the SIPs of old ones")
    if settings.definition.always_looks_ahead:
        return nothing(f"profile {settings.profile} looks at later weeks, so new weeks change the SIPs of old ones")
    if changed <= min(weeks):
        return nothing(f"the past was revised from its first week on, {changed}")
    kind = "new weeks" if changed > max(weeks) else "the past was revised"
    return Earlier(record, False, date.fromisoformat(changed), f"{kind} from {changed} on")


def findings(folder: Path, /, *, before: date, with_neighbours: bool) -> Findings:
    """What an earlier run found for stockouts before a week."""
    is_earlier = pl.col(WEEK) < before

    def scanned(name: str) -> pl.LazyFrame:
        return pl.scan_parquet(folder / name, glob=False).filter(is_earlier)

    outcomes = (
        scanned(IMPUTED_FILE)
        .filter(~pl.col(IN_STOCK))
        .select(
            *KEY,
            pl.when(pl.col(STATUS) == DONE).then(SALES).alias(POINT),
            *(STATUS, OWN_WEEKS, LEVEL_SOURCE, CANDIDATES, NEIGHBOURS),
            # Publication marks what was inferred: of the panel, not of the search.
            pl.col(FLAGS).list.eval(pl.element().filter(pl.element() != INFERRED)),
        )
    )
    frames = [scanned(SIPS_FILE), outcomes, *([scanned(NEIGHBOURS_FILE)] if with_neighbours else [])]
    return Findings(*pl.collect_all(frames, engine="streaming"))
