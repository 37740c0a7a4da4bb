"""What holds for every panel and configuration."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl import imputation, queries
from vn2pl.artifacts import write_parquet

KEY = ["Store", "Product", "week"]
CONFIGS = {
    "past": vn2pl.Config(n_neighbors=20, min_candidates=60),
    "all": vn2pl.Config(n_neighbors=20, min_candidates=60, candidate_weeks="all"),
    "original": vn2pl.Config(profile="original", season_window=2, season_wraps=False, n_neighbors=20),
}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def _bytes(panel: pl.DataFrame, config: vn2pl.Config, folder: Path, engine: imputation.Engine = "auto") -> bytes:
    result = imputation.impute(panel.lazy(), config, engine=engine)
    write_parquet(result.sips, folder / "sips.parquet")
    write_parquet(result.imputed, folder / "imputed.parquet")
    return (folder / "sips.parquet").read_bytes() + (folder / "imputed.parquet").read_bytes()


@every_config
def test_engines_morsels_shards_and_row_order_leave_every_byte_alone(
    small_panel: pl.DataFrame, config: vn2pl.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffled = small_panel.sample(fraction=1.0, shuffle=True, seed=3)
    expected = _bytes(small_panel, config, tmp_path)
    assert _bytes(small_panel, config, tmp_path, engine="in-memory") == expected
    assert _bytes(shuffled, config, tmp_path) == expected
    prepared = queries.prepare(queries.features(small_panel.lazy(), config), config)
    workload = queries.workload(prepared.targets, prepared.pools).collect()
    monkeypatch.setattr(imputation, "PAIRS_PER_SHARD", workload["pairs"].sum() // 4)
    assert len(imputation.plan_shards(workload)) > 3
    assert _bytes(small_panel, config, tmp_path) == expected
    with pl.Config(set_streaming_chunk_size=64):
        assert _bytes(shuffled, config, tmp_path) == expected


@every_config
def test_sips_are_monotone_whole_and_never_below_sales(small_panel: pl.DataFrame, config: vn2pl.Config) -> None:
    sips = vn2pl.sips(small_panel.lazy(), config).collect()
    assert sips.height > 0
    assert sips.select(pl.col("value").diff().min().over(KEY) >= 0).to_series().all()
    assert (sips["value"] % 1 == 0).all()
    with_sales = sips.join(small_panel, on=KEY)
    assert with_sales.filter(pl.col("sales") > 0).height > 0
    assert (with_sales["value"] >= with_sales["sales"]).all()


@every_config
def test_every_stockout_is_accounted_for(small_panel: pl.DataFrame, config: vn2pl.Config) -> None:
    imputed = vn2pl.imputed(small_panel.lazy(), config).collect()
    sips = vn2pl.sips(small_panel.lazy(), config).collect()
    observed = imputed.drop("sales").rename({"sales_observed": "sales"})
    assert_frame_equal(observed.select(small_panel.columns), small_panel)
    assert imputed.filter("in_stock")["status"].unique().to_list() == ["observed"]
    assert imputed.filter(~pl.col("in_stock"))["status"].is_in(["imputed", "no_candidates"]).all()
    assert_frame_equal(imputed.filter("imputed").select(KEY), sips.select(KEY).unique().sort(KEY))
    medians = sips.filter(pl.col("quantile") == 0.5).select(*KEY, pl.col("value").alias("sales"))
    assert_frame_equal(imputed.filter("imputed").select(*KEY, "sales"), medians)


def _forget(panel: pl.DataFrame) -> pl.DataFrame:
    return panel.filter(pl.col("week") < FUTURE)


def _turn(panel: pl.DataFrame) -> pl.DataFrame:
    later = pl.col("week") >= FUTURE
    return panel.with_columns(
        pl.when(later).then(pl.col("sales") * 7 + 100).otherwise("sales").alias("sales"),
        pl.when(later).then(~pl.col("in_stock")).otherwise("in_stock").alias("in_stock"),
    )


def _more_skus(panel: pl.DataFrame) -> pl.DataFrame:
    newcomers = panel.filter(pl.col("week") >= FUTURE).with_columns(pl.col("Store") - 1000)
    return pl.concat([panel, newcomers])


FUTURE = date(2022, 6, 6)


@pytest.mark.parametrize("change", [_forget, _turn, _more_skus])
def test_past_sips_do_not_know_the_future(
    small_panel: pl.DataFrame, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    def before(panel: pl.DataFrame) -> pl.DataFrame:
        sips = vn2pl.sips(panel.lazy(), CONFIGS["past"]).filter(pl.col("week") < FUTURE)
        return sips.collect()

    expected = before(small_panel)
    assert expected.height > 1000
    assert_frame_equal(before(change(small_panel)), expected, check_exact=True)


def test_the_future_matters_where_it_may(small_panel: pl.DataFrame) -> None:
    def before(panel: pl.DataFrame) -> pl.DataFrame:
        return vn2pl.sips(panel.lazy(), CONFIGS["all"]).filter(pl.col("week") < FUTURE).collect()

    assert not before(_turn(small_panel)).equals(before(small_panel))


def test_what_is_hidden_does_not_matter(small_panel: pl.DataFrame) -> None:
    """Attributes that the profile does not use, and names of stores and products beyond their order."""
    renamed = small_panel.with_columns(
        pl.format("store {}", pl.col("Store").cast(pl.String).str.zfill(6)).alias("Store"),
        pl.format("product {}", pl.col("Product").cast(pl.String).str.zfill(6)).alias("Product"),
        pl.lit("x").alias("season"),
        pl.lit(0).alias("target"),
    )
    sips = [vn2pl.sips(panel.lazy(), CONFIGS["past"]).collect() for panel in (small_panel, renamed)]
    assert_frame_equal(sips[0].drop(KEY), sips[1].drop(KEY), check_exact=True)


def test_an_imputed_panel_has_nothing_left_to_impute(small_panel: pl.DataFrame) -> None:
    once = vn2pl.imputed(small_panel.lazy(), CONFIGS["past"]).collect()
    filled = once.select(small_panel.columns).with_columns(pl.lit(True).alias("in_stock"))
    again = imputation.impute(filled.lazy(), CONFIGS["past"])
    assert again.sips.is_empty()
    assert_frame_equal(again.imputed.select(small_panel.columns), filled)


def test_more_neighbours_than_candidates_take_them_all(small_panel: pl.DataFrame) -> None:
    config = vn2pl.Config(n_neighbors=10**6, min_candidates=10**6)
    imputed = vn2pl.imputed(small_panel.lazy(), config).filter("imputed").collect()
    neighbours = vn2pl.neighbours(small_panel.lazy(), config).group_by(KEY).len().collect()
    joined = imputed.join(neighbours, on=KEY)
    assert joined.height == imputed.height
    assert (joined["len"] == joined["candidates"]).all()
    assert imputed["flags"].list.contains("too_few_candidates").all()
