"""What holds for every panel and configuration."""

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import polars as pl
import pytest
from commands import contents, run_impute
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import vn2pl
from vn2pl import queries
from vn2pl.running import shards
from vn2pl.writing.artifacts import write_parquet

KEY = ["Store", "Product", "week"]
QUICK = "n_neighbors: 20\nmin_candidates: 60\n"
CONFIGS = {
    "past": vn2pl.Config(n_neighbors=20, min_candidates=60),
    "all": vn2pl.Config(n_neighbors=20, min_candidates=60, candidate_weeks="all"),
    "original": vn2pl.Config(profile="original", season_window=2, season_wraps=False, n_neighbors=20),
}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def _sips(panel: pl.DataFrame, config: vn2pl.Config) -> pl.DataFrame:
    return vn2pl.impute(panel.lazy(), config).sips


PUBLISHED = ("imputed", "sips", "summary", "neighbours")


def _bytes(panel: pl.DataFrame, config: vn2pl.Config, folder: Path, engine: shards.Engine = "auto") -> bytes:
    result = vn2pl.impute(panel.lazy(), config, engine=engine, save_neighbours=True)
    frames = {"sips": result.sips, "imputed": result.imputed, "neighbours": result.neighbours}
    for name, frame in frames.items():
        write_parquet(frame, folder / name)
    return b"".join((folder / name).read_bytes() for name in frames)


@every_config
def test_engines_morsels_shards_and_row_order_leave_every_byte_alone(
    small_panel: pl.DataFrame, config: vn2pl.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffled = small_panel.sample(fraction=1.0, shuffle=True, seed=3)
    expected = _bytes(small_panel, config, tmp_path)
    assert _bytes(small_panel, config, tmp_path, engine="in-memory") == expected
    assert _bytes(shuffled, config, tmp_path) == expected
    prepared = queries.prepare(queries.features(small_panel.lazy(), config), config)
    workload = queries.work_by_season(prepared.recipients).collect()
    monkeypatch.setattr(shards, "PAIRS_PER_SHARD", workload["pairs"].sum() // 4)
    assert len(shards.plan_shards(workload)) > 3
    assert _bytes(small_panel, config, tmp_path) == expected
    with pl.Config(set_streaming_chunk_size=64):
        assert _bytes(shuffled, config, tmp_path) == expected


@every_config
def test_engines_agree_on_features_to_the_last_digit(small_panel: pl.DataFrame, config: vn2pl.Config) -> None:
    features = queries.features(small_panel.lazy(), config)
    streamed, in_memory = features.collect(engine="streaming"), features.collect(engine="in-memory")
    assert_frame_equal(streamed, in_memory, check_exact=True)


@every_config
def test_sips_are_monotone_whole_and_never_below_sales(small_panel: pl.DataFrame, config: vn2pl.Config) -> None:
    sips = _sips(small_panel, config)
    assert sips.height > 0
    assert sips.select(pl.col("value").diff().min().over(KEY) >= 0).to_series().all()
    assert (sips["value"] % 1 == 0).all()
    with_sales = sips.join(small_panel, on=KEY)
    assert with_sales.filter(pl.col("sales") > 0).height > 0
    assert (with_sales["value"] >= with_sales["sales"]).all()


@every_config
def test_every_stockout_is_accounted_for(small_panel: pl.DataFrame, config: vn2pl.Config) -> None:
    run = vn2pl.impute(small_panel, config)
    imputed, sips = run.imputed, run.sips
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
        return _sips(panel, CONFIGS["past"]).filter(pl.col("week") < FUTURE)

    expected = before(small_panel)
    assert expected.height > 1000
    assert_frame_equal(before(change(small_panel)), expected, check_exact=True)


def test_the_future_matters_where_it_may(small_panel: pl.DataFrame) -> None:
    def before(panel: pl.DataFrame) -> pl.DataFrame:
        return _sips(panel, CONFIGS["all"]).filter(pl.col("week") < FUTURE)

    assert not before(_turn(small_panel)).equals(before(small_panel))


def test_what_is_hidden_does_not_matter(small_panel: pl.DataFrame) -> None:
    """Attributes that the profile does not use, and names of stores and products beyond their order."""
    renamed = small_panel.with_columns(
        pl.format("store {}", pl.col("Store").cast(pl.String).str.zfill(6)).alias("Store"),
        pl.format("product {}", pl.col("Product").cast(pl.String).str.zfill(6)).alias("Product"),
        pl.lit("x").alias("season"),
        pl.lit(0).alias("recipient"),
    )
    sips = [_sips(panel, CONFIGS["past"]) for panel in (small_panel, renamed)]
    assert_frame_equal(sips[0].drop(KEY), sips[1].drop(KEY), check_exact=True)


def test_an_imputed_panel_has_nothing_left_to_impute(small_panel: pl.DataFrame) -> None:
    once = vn2pl.impute(small_panel.lazy(), CONFIGS["past"]).imputed
    filled = once.select(small_panel.columns).with_columns(pl.lit(True).alias("in_stock"))
    again = vn2pl.impute(filled.lazy(), CONFIGS["past"])
    assert again.sips.is_empty()
    assert_frame_equal(again.imputed.select(small_panel.columns), filled)


def test_more_neighbours_than_candidates_take_them_all(small_panel: pl.DataFrame) -> None:
    config = vn2pl.Config(n_neighbors=10**6, min_candidates=10**6, parameters={"fewest_neighbours": 10**6})
    result = vn2pl.impute(small_panel.lazy(), config, save_neighbours=True)
    imputed = result.imputed.filter("imputed")
    joined = imputed.join(result.neighbours.group_by(KEY).len(), on=KEY)
    assert joined.height == imputed.height
    assert (joined["len"] == joined["candidates"]).all()
    assert imputed["flags"].list.contains("too_few_candidates").all()


def _wide(panel: pl.DataFrame, folder: Path) -> Path:
    """The panel as the VN2 files, which cannot leave a week of a SKU out."""
    folder.mkdir()
    sku = ["Store", "Product"]
    for name, value in {"2024-04-08 - Sales": "sales", "In Stock": "in_stock"}.items():
        wide = panel.pivot("week", index=sku, values=value)
        wide.write_csv(folder / f"Week 0 - {name}.csv")
    panel.drop("week", "sales", "in_stock").unique(sku).write_csv(folder / "Week 0 - Master.csv")
    return folder


def test_the_format_of_the_input_changes_no_byte(small_panel: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(QUICK)
    paths = [tmp_path / f"panel.{suffix}" for suffix in ("parquet", "arrow", "csv")]
    small_panel.write_parquet(paths[0], row_group_size=700)
    small_panel.reverse().write_ipc(paths[1], compression="zstd")
    small_panel.write_csv(paths[2], separator=";")
    paths.append(_wide(small_panel, tmp_path / "wide"))
    written = []
    for number, path in enumerate(paths):
        out = tmp_path / f"out{number}"
        run_impute(path, out, "--config", tmp_path / "config.yaml", "--quiet", "--save-neighbours")
        written.append(contents(out))
    assert len(written[0]) == 4
    assert all(files == written[0] for files in written)


PANELS = st.builds(
    lambda skus, weeks, seed: vn2pl.demo_panel(skus=skus, weeks=weeks, seed=seed).panel,
    skus=st.integers(2, 16),
    weeks=st.integers(20, 90),
    seed=st.integers(0, 2**31 - 1),
)
few = settings(derandomize=True, database=None, deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))


@few
@given(PANELS, st.sampled_from(sorted(CONFIGS)), st.integers(0, 99), st.integers(1, 5))
def test_order_and_shards_do_not_matter(panel: pl.DataFrame, config: str, seed: int, parts: int) -> None:
    chosen = CONFIGS[config]
    whole = vn2pl.impute(panel.lazy(), chosen, save_neighbours=True)
    shuffled = panel.sample(fraction=1.0, shuffle=True, seed=seed).lazy()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shards, "PAIRS_PER_SHARD", max(1, whole.sips.height * 60 // parts))
        again = vn2pl.impute(shuffled, chosen, save_neighbours=True)
        for name in PUBLISHED:
            assert_frame_equal(getattr(again, name), getattr(whole, name), check_exact=True)


@few
@given(PANELS, st.floats(0.1, 1.0))
def test_past_findings_are_the_same_when_weeks_are_added(panel: pl.DataFrame, share: float) -> None:
    weeks = panel["week"].unique().sort()
    is_known = pl.col("week") <= weeks[int(share * (len(weeks) - 1))]
    before = vn2pl.impute(panel.filter(is_known).lazy(), CONFIGS["past"], save_neighbours=True)
    after = vn2pl.impute(panel.lazy(), CONFIGS["past"], save_neighbours=True)
    for name in ("imputed", "sips", "neighbours"):
        assert_frame_equal(getattr(after, name).filter(is_known), getattr(before, name), check_exact=True)


@few
@given(PANELS, st.sampled_from(sorted(CONFIGS)), st.floats(0.01, 1e6))
def test_dollars_and_pieces_are_imputed_alike(panel: pl.DataFrame, config: str, factor: float) -> None:
    """Sales and ``demand_unit`` times a factor: every SIP times the factor, from the first week that is imputed on."""
    chosen = CONFIGS[config]
    times = (pl.col(name) * factor for name in ("sales", "sales_observed"))
    expected = vn2pl.impute(panel.lazy(), chosen)
    scaled = panel.lazy().with_columns(pl.col("sales") * factor)
    found = vn2pl.impute(scaled, msgspec.structs.replace(chosen, demand_unit=factor))
    assert_frame_equal(found.sips, expected.sips.with_columns(pl.col("value") * factor), rel_tol=1e-12)
    assert_frame_equal(found.imputed, expected.imputed.with_columns(times), rel_tol=1e-12)


def test_dollars_that_are_taken_for_pieces_give_nothing_absurd() -> None:
    """Sales of thousands with ``demand_unit`` left at 1."""
    demo, factor = vn2pl.demo_panel(skus=150, weeks=60), 1000
    panel = demo.panel.with_columns(pl.col("sales") * factor)
    imputed = vn2pl.impute(panel.lazy(), vn2pl.Config()).imputed.filter("imputed")
    weeks = panel["week"].unique().sort()
    assert imputed["week"].min() == weeks[2]
    assert (imputed["sales"] < panel["sales"].max()).all()
    truth = imputed.join(demo.demand, on=KEY)
    early = truth.filter(pl.col("week") <= weeks[5])
    for rows in (truth, early):
        ratio = rows.select(pl.col("sales").sum() / factor / pl.col("demand").sum()).item()
        assert 0.2 < ratio < 1.5


@few
@given(PANELS, st.floats(0.001, 1e9))
def test_a_median_above_all_sales_of_its_kind_is_flagged(panel: pl.DataFrame, factor: float) -> None:
    """Whatever the units: constants that count in units may then decide, but not in silence."""
    sold = panel.with_columns(pl.col("sales") * factor)
    imputed = vn2pl.impute(sold.lazy(), CONFIGS["past"]).imputed.filter("imputed")
    largest = sold.filter("in_stock").group_by("Division").agg(pl.col("sales").max().alias("largest"))
    absurd = imputed.join(largest, on="Division").filter(pl.col("sales") > pl.col("largest"))
    assert absurd["flags"].list.contains("median_above_max").all()


@few
@given(PANELS, st.integers(1, 40))
def test_scaled_sales_scale_the_sips(panel: pl.DataFrame, cells: int) -> None:
    """With ``demand_unit`` left alone, up to the constants that count in it, which vanish beside large sales; once the
    first weeks have shown what the panel sells. By whole cells of the grid of log expected demand, as its edges are
    constant; a few situations lie on one."""
    large, factor = math.exp(14), math.exp(0.1 * cells)
    sold = panel.with_columns(pl.when("in_stock").then((pl.col("sales") + 1) * large).otherwise(0.0).alias("sales"))
    is_later = pl.col("week") > pl.lit(panel["week"].unique().sort()[2])
    expected, found = (
        _sips(sold.with_columns(pl.col("sales") * times), CONFIGS["past"]).filter(is_later) for times in (1.0, factor)
    )
    assert found.select(*KEY, "quantile").equals(expected.select(*KEY, "quantile"))
    ratio = found["value"] / (factor * expected["value"])
    assert (ratio - 1).abs().le(0.001).sum() >= 0.99 * ratio.len()


@few
@given(PANELS, st.integers(0, 9), st.integers(1, 90), st.floats(1e5, 1e9))
def test_a_stranger_far_away_changes_no_sip(panel: pl.DataFrame, start: int, weeks: int, sales: float) -> None:
    """It shares no attribute with another SKU and sells far more than could be expected of any. It comes when two SKUs
    of every store format have been in stock: before, the whole panel stands in for a format."""
    known = panel["week"].unique().sort()
    begun = panel.filter("in_stock").group_by("StoreFormat", "Store", "Product").agg(pl.col("week").min())
    second = begun.group_by("StoreFormat").agg(pl.col("week").sort().slice(1, 1)).explode("week")["week"]
    assume(second.null_count() == 0)
    start += known.index_of(second.max()) or 0
    attributes = [name for name in panel.columns if name not in (*KEY, "sales", "in_stock")]
    stranger = pl.DataFrame({"week": known[start : start + weeks], "sales": sales, "in_stock": True}).with_columns(
        pl.lit(-1, dtype=panel.schema[name]).alias(name) for name in ("Store", "Product", *attributes)
    )
    with_stranger = pl.concat([panel, stranger.select(panel.columns)])
    expected, found = (
        vn2pl.impute(observed.lazy(), CONFIGS["past"], save_neighbours=True) for observed in (panel, with_stranger)
    )
    lent = found.neighbours.filter(pl.col("neighbour_store") == -1).select(KEY).unique()
    # Where hardly anybody else is there to learn from, it may be among the nearest after all: no stranger then.
    assume(lent.height <= expected.sips.select(KEY).unique().height // 2)
    without = [result.sips.join(lent, on=KEY, how="anti", maintain_order="left") for result in (found, expected)]
    assert_frame_equal(*without, check_exact=True)
