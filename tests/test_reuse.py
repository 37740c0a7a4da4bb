"""Only what an earlier run did not compute from the same past is computed, and no byte tells the difference."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from commands import contents, run_impute

import vn2pl
from vn2pl.running.fingerprint import content, fingerprint

KEY = ["Store", "Product", "week"]
QUICK = "n_neighbors: 20\nmin_candidates: 60\n"
NOW = date(2023, 5, 1)


class Place(NamedTuple):
    """A panel file, a configuration and an output folder that tests write to in turn."""

    panel: Path
    config: Path
    out: Path

    def impute(self, panel: pl.DataFrame, *options: object, out: Path | None = None) -> dict[str, object]:
        """Impute a panel; the record of the run."""
        panel.write_parquet(self.panel)
        run_impute(self.panel, out or self.out, "--config", self.config, "--quiet", *options)
        record: dict[str, object] = json.loads(((out or self.out) / "run.json").read_text())
        return record

    def fully(self, panel: pl.DataFrame, *options: object) -> dict[str, bytes]:
        """The bytes of a run that builds on nothing."""
        elsewhere = self.out.with_name("full")
        self.impute(panel, "--full", *options, out=elsewhere)
        return contents(elsewhere)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    config = tmp_path / "config.yaml"
    config.write_text(QUICK)
    return Place(tmp_path / "panel.parquet", config, tmp_path / "out")


@pytest.fixture(scope="session")
def panel(small_panel: pl.DataFrame) -> pl.DataFrame:
    """Fewer SKUs, and some that only begin in the last weeks, with keys before, between and after the others."""
    some = small_panel.filter(pl.col("Product") % 2 == 0)
    last = some.filter(pl.col("week") >= NOW)
    newcomers = [last.with_columns(pl.col("Store") + by) for by in (-1000, 1000)]
    between = last.with_columns(pl.col("Product") + 1)
    return pl.concat([some, *newcomers, between]).unique(KEY, keep="first").sort(KEY)


def _until(panel: pl.DataFrame, week: date) -> pl.DataFrame:
    return panel.filter(pl.col("week") < week)


def _stockouts(panel: pl.DataFrame, since: date = date.min) -> int:
    return panel.filter(~pl.col("in_stock") & (pl.col("week") >= since)).height


@pytest.mark.parametrize("options", [[], ["--save-neighbours"]], ids=["plain", "neighbours"])
def test_new_weeks_cost_new_stockouts_only_and_give_the_same_bytes(
    place: Place, panel: pl.DataFrame, options: list[str]
) -> None:
    assert panel["week"].max() > NOW  # type: ignore[operator]
    for week in (NOW - timedelta(weeks=1), NOW, NOW + timedelta(weeks=2)):
        place.impute(_until(panel, week), *options)
    record = place.impute(panel.sample(fraction=1, shuffle=True, seed=1), *options)
    computed = _stockouts(panel, NOW + timedelta(weeks=2))
    assert 0 < computed < _stockouts(panel)
    assert record["stockouts_computed"] == computed
    assert record["earlier_run"] == "new weeks from 2023-05-15 on"
    assert contents(place.out) == place.fully(panel, *options)


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Int32, pl.UInt64])
def test_keys_may_be_of_any_type(place: Place, panel: pl.DataFrame, dtype: type[pl.DataType]) -> None:
    stores = pl.col("Store") + 10_000
    keyed = panel.with_columns(
        (stores.cast(pl.String) if dtype is pl.Categorical else stores).cast(dtype).alias("Store")
    )
    place.impute(_until(keyed, NOW))
    record = place.impute(keyed.reverse())
    assert record["stockouts_computed"] == _stockouts(keyed, NOW)
    assert contents(place.out) == place.fully(keyed)


@pytest.mark.parametrize(
    "revise",
    [
        pl.when(pl.col("week") == NOW).then(pl.col("sales") + 1).otherwise("sales").alias("sales"),
        pl.when(pl.col("week") == NOW).then(~pl.col("in_stock")).otherwise("in_stock").alias("in_stock"),
        pl.when(pl.col("week") == NOW).then(pl.col("Department") + 1).otherwise("Department").alias("Department"),
        pl.when((pl.col("week") == NOW) & (pl.col("Store") < 0))
        .then(pl.col("Store") - 1)
        .otherwise("Store")
        .alias("Store"),
    ],
    ids=["sales", "in_stock", "attribute", "SKU"],
)
def test_a_revised_past_is_computed_from_its_first_week_on(place: Place, panel: pl.DataFrame, revise: pl.Expr) -> None:
    place.impute(panel)
    revised = panel.with_columns(revise)
    record = place.impute(revised)
    assert record["earlier_run"] == f"the past was revised from {NOW} on"
    assert record["stockouts_computed"] == _stockouts(revised, NOW)
    assert contents(place.out) == place.fully(revised)


def test_an_unchanged_panel_leaves_the_files_as_they_are(place: Place, panel: pl.DataFrame) -> None:
    place.impute(panel)
    before = {path.name: path.stat().st_mtime_ns for path in place.out.iterdir()}
    place.impute(panel.sample(fraction=1, shuffle=True, seed=2))
    assert {path.name: path.stat().st_mtime_ns for path in place.out.iterdir()} == before
    place.impute(panel, "--full")
    assert (place.out / "run.json").stat().st_mtime_ns != before["run.json"]


def _other_config(place: Place, panel: pl.DataFrame) -> pl.DataFrame:
    place.config.write_text(QUICK + "parameters: {half_life: 30.0}\n")
    return panel


def _looking_both_ways(place: Place, panel: pl.DataFrame) -> pl.DataFrame:
    place.config.write_text(QUICK + "candidate_weeks: all\n")
    place.impute(_until(panel, NOW))
    return panel


def _original(place: Place, panel: pl.DataFrame) -> pl.DataFrame:
    place.config.write_text("profile: original\nn_neighbors: 20\n")
    place.impute(_until(panel, NOW))
    return panel


def _damaged(place: Place, panel: pl.DataFrame) -> pl.DataFrame:
    sips = place.out / "imputed_sips.parquet"
    sips.write_bytes(sips.read_bytes()[:-1] + b"x")
    return panel


def _killed_between_files(place: Place, panel: pl.DataFrame) -> pl.DataFrame:
    (place.out / "imputation_summary.csv").write_text("metric,value\n")
    return panel


def _of_another_version(place: Place, panel: pl.DataFrame) -> pl.DataFrame:
    record = json.loads((place.out / "run.json").read_text())
    (place.out / "run.json").write_text(json.dumps({"files": record["files"]}))
    return panel


def _with_a_file_of_another_run(place: Place, panel: pl.DataFrame) -> pl.DataFrame:
    panel.write_parquet(place.out / "neighbours.parquet")
    return panel


def _revised_from_the_start(_: Place, panel: pl.DataFrame) -> pl.DataFrame:
    return panel.with_columns(pl.col("sales") + 1)


def _other_types(_: Place, panel: pl.DataFrame) -> pl.DataFrame:
    return panel.with_columns(pl.col("Store").cast(pl.String))


def _fewer_attributes(_: Place, panel: pl.DataFrame) -> pl.DataFrame:
    return panel.drop("Department")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_other_config, "configuration, versions or columns"),
        (_looking_both_ways, "with candidate_weeks: all, new weeks change the SIPs of old ones"),
        (_original, "profile original looks at later weeks"),
        (_damaged, "the earlier files are not whole"),
        (_killed_between_files, "the earlier files are not whole"),
        (_of_another_version, "not those of this version of vn2pl impute"),
        (_with_a_file_of_another_run, "neighbours.parquet: is not of the run"),
        (_revised_from_the_start, "revised from its first week on"),
        (_other_types, "configuration, versions or columns"),
        (_fewer_attributes, "configuration, versions or columns"),
    ],
)
def test_all_is_computed_where_nothing_stands_and_the_reason_is_told(
    place: Place, panel: pl.DataFrame, change: Callable[[Place, pl.DataFrame], pl.DataFrame], reason: str
) -> None:
    place.impute(panel)
    changed = change(place, panel)
    record = place.impute(changed)
    assert reason in str(record["earlier_run"])
    assert record["stockouts_computed"] == _stockouts(changed)
    assert contents(place.out) == place.fully(changed)


def test_neighbours_are_those_of_the_run_or_not_there(place: Place, panel: pl.DataFrame) -> None:
    place.impute(panel)
    assert place.impute(panel, "--save-neighbours")["earlier_run"] == "the earlier run did not save its neighbours"
    assert (place.out / "neighbours.parquet").exists()
    assert place.impute(panel)["stockouts_computed"] == 0
    assert not (place.out / "neighbours.parquet").exists()
    assert contents(place.out) == place.fully(panel)


def test_a_column_that_sips_do_not_rest_on_is_carried_through(place: Place, panel: pl.DataFrame) -> None:
    place.impute(panel)
    noted = panel.with_columns(pl.lit("x").alias("note"))
    assert place.impute(noted)["stockouts_computed"] == 0
    assert contents(place.out) == place.fully(noted)


def test_what_was_reused_is_told(place: Place, panel: pl.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    place.impute(_until(panel, NOW))
    panel.write_parquet(place.panel)
    for told in ("New weeks from 2023-05-01 on: ", "Nothing changed since the run of "):
        run_impute(place.panel, place.out, "--config", place.config)
        assert told in capsys.readouterr().out
    run_impute(place.panel, place.out, "--config", place.config, "--json")
    assert json.loads(capsys.readouterr().out)["n_computed"] == 0


@pytest.mark.parametrize(
    "change",
    [
        pl.col("sales") + 1e-300,
        pl.when(pl.col("sales") == 0).then(-0.0).otherwise("sales").alias("sales"),
        pl.when(pl.col("Store") == 0).then(None).otherwise("Department").alias("Department"),
        pl.when(pl.col("week") == NOW).then(pl.col("sales").shift(1)).otherwise("sales").fill_null(0).alias("sales"),
        pl.col("sales").sort_by(-pl.col("sales")),
    ],
)
def test_fingerprints_tell_values_apart(panel: pl.DataFrame, change: pl.Expr) -> None:
    config = vn2pl.Config()
    changed = panel.with_columns(change)
    assert content(changed) != content(panel)
    assert fingerprint(changed, config).weeks != fingerprint(panel, config).weeks


def test_fingerprints_are_of_the_content_alone(panel: pl.DataFrame) -> None:
    config = vn2pl.Config(columns={"sales": "units"}, parameters={"half_life": 32.0})
    shuffled = pl.concat([panel[500:], panel[:500]], rechunk=False).with_columns(pl.col("Department").cast(pl.Int64))
    assert fingerprint(shuffled, config) == fingerprint(panel, vn2pl.Config())
    categories = panel.with_columns(pl.col("Store").cast(pl.String).cast(pl.Categorical))
    turned = categories.reverse().with_columns(pl.col("Store").cast(pl.String).cast(pl.Categorical))
    assert content(turned) == content(categories)


def test_inferred_stockouts_are_marked_once(place: Place, panel: pl.DataFrame) -> None:
    unflagged = panel.drop("in_stock")
    for week in (NOW, NOW + timedelta(weeks=2)):
        record = place.impute(_until(unflagged, week), "--infer-stockouts")
    assert str(record["earlier_run"]).startswith("new weeks")
    assert contents(place.out) == place.fully(_until(unflagged, NOW + timedelta(weeks=2)), "--infer-stockouts")
