"""What the engine makes of the plan."""

import polars as pl
import pytest

import vn2pl
from vn2pl import queries
from vn2pl.running import shards
from vn2pl.running.physical import physical_nodes


@pytest.fixture(scope="module")
def search(small_panel: pl.DataFrame, small_config: vn2pl.Config) -> shards.Search:
    run = vn2pl.impute(small_panel, small_config)
    return run.search


def test_features_and_pairs_never_fall_back_to_the_in_memory_engine(
    small_panel: pl.DataFrame, small_config: vn2pl.Config, search: shards.Search
) -> None:
    assert not any(node.falls_back for node in physical_nodes(vn2pl.features(small_panel.lazy(), small_config)))
    within_bound = queries.solve(search.prepared, small_config).sips
    fallbacks = [node.detail for node in physical_nodes(within_bound) if node.falls_back]
    assert all('implode()] BY [col("recipient")]' in detail for detail in fallbacks), fallbacks
    assert 0 < len(fallbacks) <= 3


def test_a_single_lazy_plan_is_the_whole_of_it(small_panel: pl.DataFrame, small_config: vn2pl.Config) -> None:
    sips = vn2pl.sips(small_panel.lazy(), small_config)
    assert isinstance(sips, pl.LazyFrame)
    assert sips.collect().equals(vn2pl.impute(small_panel, small_config).sips)


def test_every_frame_can_be_collected_alone(small_config: vn2pl.Config) -> None:
    """Polars' optimizer gives up on some plans that cache what rests on cached frames, and takes long over others."""
    panel = vn2pl.demo_panel(skus=12, weeks=30, seed=3).panel.lazy()
    prepared = queries.prepare(queries.features(panel, small_config), small_config)
    found = queries.solve(prepared, small_config)
    together = pl.collect_all([*prepared, *found])
    for frame, expected in zip([*prepared, *found], together, strict=True):
        assert frame.collect().height == expected.height > 0


def test_shards_are_even_and_as_many_as_are_searched_at_a_time() -> None:
    seasons = pl.DataFrame({"recipient_season": range(1, 53), "stockouts": [2] * 52, "pairs": [3_000_000] * 52})
    cut = shards.plan_shards(seasons)
    assert [season for shard in cut for season in shard.seasons] == list(range(1, 53))
    assert len(cut) % shards.SHARDS_AT_ONCE == 0
    assert {len(shard.seasons) for shard in cut} <= {6, 7}
    assert len(shards.plan_shards(seasons.with_columns(pl.col("pairs") // 1000))) == 1
    assert shards.plan_shards(seasons.clear()) == []
