"""vn2pl's own plan: from the features to the packed neighbours of every stockout."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import original_config
from ..problem import TABLE_PARQUET, WARM_WEEKS, Answers, grouped
from . import Peer

if TYPE_CHECKING:
    import polars as pl

    from vn2pl.queries import Prepared, Settings
    from vn2pl.queries.profiles.base import Profile


def _load(folder: Path, warm: bool) -> "pl.DataFrame":
    import polars as pl

    table = pl.read_parquet(folder / TABLE_PARQUET)
    return table.filter(pl.col("period") < pl.col("period").min() + WARM_WEEKS) if warm else table


def _set_up(table: "pl.DataFrame") -> "Prepared":
    import polars as pl

    from vn2pl import queries

    frames = pl.collect_all(queries.prepare(table.lazy(), original_config()), engine="streaming")
    return queries.Prepared(*(frame.lazy() for frame in frames))


def _search(prepared: "Prepared") -> "pl.DataFrame":
    return neighbour_stage(prepared, prepared.recipients, original_config().definition).collect(engine="streaming")


def _search_in_shards(prepared: "Prepared") -> "pl.DataFrame":
    return neighbours_in_shards(prepared, original_config())


def _answers(found: "pl.DataFrame") -> Answers:
    import numpy as np
    import polars as pl

    from vn2pl.queries.names import RECIPIENT
    from vn2pl.queries.neighbours import NEAREST
    from vn2pl.queries.packing import high_of

    long = found.explode(NEAREST).drop_nulls().with_columns(high_of(pl.col(NEAREST)))
    distance = long[NEAREST].to_numpy().view(np.float32).astype(np.float64)
    return grouped(long[RECIPIENT].to_numpy().astype(np.int64), distance)


def neighbours_in_shards(prepared: "Prepared", settings: "Settings") -> "pl.DataFrame":
    """The neighbour stage as the command runs it."""
    import polars as pl

    from vn2pl.queries import work_by_season
    from vn2pl.queries.names import RECIPIENT_SEASON
    from vn2pl.running.shards import Shard, plan_shards, side_by_side

    def search(shard: Shard) -> pl.DataFrame:
        targets = prepared.recipients.filter(pl.col(RECIPIENT_SEASON).is_in(list(shard.seasons)))
        return neighbour_stage(prepared, targets, settings.definition).collect(engine="streaming")

    shards = plan_shards(work_by_season(prepared.recipients).collect(engine="streaming"))
    return pl.concat([found for _, found in side_by_side(shards, search)])


def neighbour_stage(prepared: "Prepared", targets: "pl.LazyFrame", profile: "Profile") -> "pl.LazyFrame":
    """As :func:`vn2pl.queries.search` does it: stockouts that are alike are searched once."""
    import polars as pl

    from vn2pl.queries.donors import deduplicated
    from vn2pl.queries.names import RECIPIENT, REPRESENTATIVE
    from vn2pl.queries.neighbours import NEAREST, nearest

    same = deduplicated(targets).cache()
    firsts = targets.join(same.filter(pl.col(RECIPIENT) == pl.col(REPRESENTATIVE)), on=RECIPIENT, how="semi").cache()
    found = nearest(firsts, prepared.donors, prepared.blocks, profile)
    return same.join(found.select(pl.col(RECIPIENT).alias(REPRESENTATIVE), NEAREST), on=REPRESENTATIVE).drop(
        REPRESENTATIVE
    )


def _peer(name: str, search: Any) -> Peer:
    return Peer(name, "all", ("polars",), _load, _set_up, search, _answers)


PEERS = (_peer("vn2pl, one plan", _search), _peer("vn2pl, in shards as the command runs it", _search_in_shards))
