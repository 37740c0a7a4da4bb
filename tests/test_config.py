"""Configuration files: what they mean, and what is said of a broken one."""

import itertools
from pathlib import Path

import msgspec
import polars as pl
import pytest
import yaml

import vn2pl
from vn2pl.queries import profiles

CONFIGS = Path(__file__).parents[1] / "configs"

BROKEN = {
    "not a mapping": ("- 1\n", ["c.yaml:1:1 document: expected keys with values, got [1]"]),
    "not YAML": ("a: [1\nb: 2\n", ["c.yaml:2:2 is not valid YAML"]),
    "unknown key": ("n_neighbours: 20\n", ["c.yaml:1:1 n_neighbours:", "did you mean n_neighbors?"]),
    "wrong type": ("\nn_neighbors: many\n", ["c.yaml:2:1 n_neighbors: expected `int`, got 'many'"]),
    "out of range": ("season_window: 27\n", ["season_window: expected `int` <= 26, got 27"]),
    "zero neighbours": ("n_neighbors: 0\n", ["n_neighbors: expected `int` >= 1, got 0"]),
    "not a number": ("demand_unit: .nan\n", ["demand_unit: expected `float` > 0.0, got nan"]),
    "bad choice": ("candidate_weeks: future\n", ["candidate_weeks: invalid enum value 'future'"]),
    "level outside": (
        "quantile_levels: [0.5, 1.5]\n",
        ["c.yaml:1:24 quantile_levels[1]: expected `float` < 1.0, got 1.5"],
    ),
    "levels fall": ("quantile_levels: [0.5, 0.1]\n", ["quantile_levels: expected levels that rise"]),
    "levels repeat": ("quantile_levels: [0.5, 0.5]\n", ["quantile_levels: expected levels that rise"]),
    "no levels": ("quantile_levels: []\n", ["quantile_levels: expected `array` of length >= 1, got []"]),
    "unknown profile": ("profile: orginal\n", ["profile: expected one of", "'orginal'; did you mean original?"]),
    "unknown parameter": (
        "parameters:\n  half_live: 3\n",
        ["c.yaml:2:3 parameters.half_live:", "did you mean half_life?"],
    ),
    "negative weight": (
        "parameters:\n  metric:\n    zero_share: -1\n",
        ["c.yaml:3:5 parameters.metric.zero_share: expected `float` >= 0.0, got -1"],
    ),
    "sales as an attribute": (
        "parameters:\n  kind_by: [Division, sales]\n",
        ["c.yaml:2:23 parameters.kind_by[1]: expected an attribute of SKUs", "got 'sales'"],
    ),
    "parameter of another profile": (
        "profile: original\nparameters: {half_life: 3}\n",
        ["c.yaml:2:14 parameters.half_life:"],
    ),
    "key twice": ("n_neighbors: 1\nn_neighbors: 2\n", ["c.yaml:2:1 n_neighbors: expected each key once"]),
    "two problems": (
        "n_neighbors: 0\nseason_window: x\n",
        ["n_neighbors: expected", "c.yaml:2:1 season_window: expected"],
    ),
    "tag": ("profile: !!python/object/apply:os.system ['true']\n", ["c.yaml:1:10 is not valid YAML"]),
    "contains itself": ("parameters: &a {b: *a}\n", ["c.yaml"]),
    "aliases of aliases": (
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefghijkl")),
        ["c.yaml: expected 10,000 values at most, got more"],
    ),
    "a list as key": ("[1, 2]: 3\n", ["c.yaml"]),
    "binary": ("\x00\x01", ["c.yaml is not valid YAML"]),
}


@pytest.mark.parametrize(("text", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_told_by_place(tmp_path: Path, text: str, told: list[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(vn2pl.InputError) as error:
        vn2pl.load_config(path)
    assert all(part in str(error.value) for part in told), error.value


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(vn2pl.InputError, match=r"none\.yaml cannot be read: No such file"):
        vn2pl.load_config(tmp_path / "none.yaml")


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("# nothing\n")
    assert vn2pl.load_config(path) == vn2pl.Config()


def test_the_shipped_default_states_every_default() -> None:
    path = CONFIGS / "uncertainty.yaml"
    config = vn2pl.load_config(path)
    assert config.definition == vn2pl.Config().definition
    assert msgspec.structs.replace(config, parameters={}) == vn2pl.Config()
    document = yaml.safe_load(path.read_text())
    assert set(document) == {field.name for field in msgspec.structs.fields(vn2pl.Config)}
    parameters: dict[str, object] = msgspec.to_builtins(vn2pl.Config().definition)
    assert list(document["parameters"]) == list(parameters)


def test_profiles_are_found_by_name() -> None:
    assert list(profiles()) == ["expected", "original"]
    assert vn2pl.load_config(CONFIGS / "original.yaml").profile == "original"


@pytest.mark.parametrize(
    "parameters",
    [
        {"index_cells": []},
        {"index_cells": [{"by": ["Store"], "weight": 0.0}]},
        {"store_residual": {"by": ["Product"], "min_weeks": 8}},
        {"store_residual": {"by": [], "min_weeks": 1}},
        {"peer_regularity_by": [], "kind_by": [], "store_residual": {"by": []}, "drifts": [], "cold_peers": []},
    ],
)
def test_every_circle_of_peers_can_be_another_or_none(parameters: dict[str, object], small_panel: pl.DataFrame) -> None:
    config = vn2pl.Config(n_neighbors=20, min_candidates=60, parameters=parameters)
    sips = vn2pl.sips(small_panel.lazy(), config).collect()
    assert sips["value"].is_finite().all()
    assert sips.height > 0
