"""What the engine makes of the plan."""

import polars as pl
import pytest

import vn2pl
from vn2pl import imputation, queries
from vn2pl.physical import physical_nodes


@pytest.fixture(scope="module")
def search(small_panel: pl.DataFrame, small_config: vn2pl.Config) -> imputation.Search:
    return imputation.ready(queries.features(small_panel.lazy(), small_config), small_config)


def test_features_and_pairs_never_fall_back_to_the_in_memory_engine(
    small_panel: pl.DataFrame, small_config: vn2pl.Config, search: imputation.Search
) -> None:
    assert not any(node.falls_back for node in physical_nodes(vn2pl.features(small_panel.lazy(), small_config)))
    within_bound = queries.search(search.prepared, small_config).sips
    fallbacks = [node.detail for node in physical_nodes(within_bound) if node.falls_back]
    assert all('implode()] BY [col("target")]' in detail for detail in fallbacks), fallbacks
    assert 0 < len(fallbacks) <= 3


def test_a_single_lazy_plan_is_the_whole_of_it(small_panel: pl.DataFrame, small_config: vn2pl.Config) -> None:
    sips = vn2pl.sips(small_panel.lazy(), small_config)
    assert isinstance(sips, pl.LazyFrame)
    found = imputation.impute(small_panel.lazy(), small_config)
    assert sips.collect().equals(found.sips)
