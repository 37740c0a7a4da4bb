"""Configuration files: what they mean, and what is said of a broken one."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest
import yaml
from commands import run_impute
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

import vn2pl
from vn2pl.queries import bounds, known_profiles
from vn2pl.reading.config_checks import find_problems

NAMES = ["parameters", "n_neighbors", "quantile_levels", "columns", "kind_by", "drifts", "by", "exponent", "metric"]
CONFIGS = Path(__file__).parents[1] / "configs"

BROKEN = {
    "not a mapping": ("- 1\n", ["c.yaml:1:1 document: expected keys with values, got [1]"]),
    "not YAML": ("a: [1\nb: 2\n", ["c.yaml:2:2 is not valid YAML"]),
    "unknown key": ("n_neighbours: 20\n", ["c.yaml:1:1 n_neighbours:", "did you mean n_neighbors?"]),
    "wrong type": (
        "\nn_neighbors: many\n",
        ["c.yaml:2:1 n_neighbors: expected a whole number from 1 to 1,000,000, got 'many'"],
    ),
    "out of range": ("season_window: 27\n", ["season_window: expected a whole number from 0 to 26, got 27"]),
    "zero neighbours": ("n_neighbors: 0\n", ["n_neighbors: expected a whole number from 1 to 1,000,000, got 0"]),
    "not a number": ("demand_unit: .nan\n", ["demand_unit: expected a number from 0.000001 to 1,000,000,000, got nan"]),
    "infinite": (
        "parameters:\n  half_life: .inf\n  elasticity: {level: -.inf}\n",
        [
            "c.yaml:2:3 parameters.half_life: expected a number",
            "c.yaml:3:16 parameters.elasticity.level: expected",
            "inf",
        ],
    ),
    "absurd": (
        "parameters: {recent_exponent: 1e300, shape_prior: 1e-300, fewest_neighbours: 1" + "0" * 400 + "}\n",
        ["recent_exponent: expected a number from 0 to 10, got 1e+300", "shape_prior:", "fewest_neighbours:"],
    ),
    "attributes twice": (
        "parameters:\n  kind_by: [Division, Division]\n  peer_regularity_by: [Store, Store]\n"
        "  index_cells: [{by: [Product, Product], weight: 1}]\n",
        [
            "c.yaml:2:3 parameters.kind_by: expected each attribute once, got Division several times",
            "c.yaml:3:3 parameters.peer_regularity_by: expected each attribute once",
            "c.yaml:4:18 parameters.index_cells[0].by: expected each attribute once",
        ],
    ),
    "a name of the plan's own": ("parameters: {kind_by: [level]}\n", ["expected an attribute", "got 'level'"]),
    "text for a list": ("parameters: {kind_by: Division}\n", ["parameters.kind_by: expected a list, got 'Division'"]),
    "a list for keys": ("parameters: {metric: [1]}\n", ["parameters.metric: expected keys with values, got [1]"]),
    "yes for a text": ("columns: {sales: yes}\n", ["columns.sales: expected text, got true"]),
    "a date for a number": ("demand_unit: 2024-04-08\n", ["demand_unit: expected a number", "got 2024-04-08"]),
    "no such date": ("demand_unit: 2024-99-99\n", ["c.yaml:1:14 is not valid YAML: a value that cannot be read"]),
    "a key that must be there": (
        "parameters: {index_cells: [{weight: 1}]}\n",
        ["parameters.index_cells[0]: expected the key by as well, found none"],
    ),
    "a long list": ("a: [" + "1, " * 300_000 + "1]\n", ["c.yaml: expected 10,000 values"]),
    "a long file": ("#" * 1_000_001, ["c.yaml: expected 1,000,000 bytes at most, got more"]),
    "bad choice": ("candidate_weeks: future\n", ["candidate_weeks: expected all or past, got 'future'"]),
    "level outside": (
        "quantile_levels: [0.5, 1.5]\n",
        ["c.yaml:1:24 quantile_levels[1]: expected a number above 0 below 1, got 1.5"],
    ),
    "levels fall": ("quantile_levels: [0.5, 0.1]\n", ["quantile_levels: expected levels that rise"]),
    "levels repeat": ("quantile_levels: [0.5, 0.5]\n", ["quantile_levels: expected levels that rise"]),
    "no levels": ("quantile_levels: []\n", ["quantile_levels: expected a list of at least 1, got []"]),
    "unknown profile": ("profile: orginal\n", ["profile: expected one of", "'orginal'; did you mean original?"]),
    "unknown parameter": (
        "parameters:\n  half_live: 3\n",
        ["c.yaml:2:3 parameters.half_live:", "did you mean half_life?"],
    ),
    "negative weight": (
        "parameters:\n  metric:\n    zero_share: -1\n",
        ["c.yaml:3:5 parameters.metric.zero_share: expected a number from 0 to 1,000,000,000, got -1"],
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
        ["c.yaml: expected 10,000 values, aliases counted in full, at most, got more"],
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
    assert not re.search(
        r"`|Error|\b(?:int|float|str|array|object|dict|None)\b", str(error.value).replace(str(path), "")
    )


@pytest.mark.parametrize("number", ["1e-3", "1E-3", "1.e-3", ".1e-2", "+0.001", "10e-4"])
def test_a_number_with_an_exponent_is_a_number(tmp_path: Path, number: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"demand_unit: {number}\n")
    assert vn2pl.load_config(path).demand_unit == 0.001


def test_every_number_of_a_configuration_has_an_end() -> None:
    def numbers(kind: inspect.Type) -> Iterator[inspect.IntType | inspect.FloatType]:
        match kind:
            case inspect.IntType() | inspect.FloatType():
                yield kind
            case inspect.StructType(fields=fields):
                for field in fields:
                    yield from numbers(field.type)
            case inspect.VarTupleType(item_type=item):
                yield from numbers(item)

    kinds = [found for kind in (vn2pl.Config, *known_profiles().values()) for found in numbers(inspect.type_info(kind))]
    assert len(kinds) > 40
    for kind in kinds:
        low, high = (
            next((end for end in ends if end is not None), None) for ends in ((kind.ge, kind.gt), (kind.le, kind.lt))
        )
        assert low is not None
        assert high is not None
        assert -10 <= low < high <= 2**31


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["past", "Store", "sales", ""]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_has_no_problem_is_a_configuration(document: object) -> None:
    if not [*find_problems(document)]:
        config = msgspec.convert(document, vn2pl.Config)
        assert type(config.definition) is known_profiles()[config.profile]


def test_a_name_that_the_plan_adds_is_no_attribute(small_panel: pl.DataFrame) -> None:
    features = vn2pl.features(small_panel.lazy(), vn2pl.Config()).collect_schema().names()
    added = set(features) - set(small_panel.columns) - {"period", "season", "row", "hash_order"}
    assert added <= set(bounds.ADDED)


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
    assert document["parameters"].keys() == parameters.keys()


def test_profiles_are_found_by_name() -> None:
    assert list(known_profiles()) == ["expected", "learnt", "original"]
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


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("[Deparment]", "c.yaml:2:13: expected an attribute of the panel, got 'Deparment'; did you mean Department?"),
        ("[store, department]", "got 'department'; did you mean Department?"),
    ],
)
def test_a_slip_in_the_name_of_an_attribute_is_told(
    tmp_path: Path, small_panel: pl.DataFrame, by: str, told: str
) -> None:
    small_panel.write_parquet(tmp_path / "panel.parquet")
    (tmp_path / "c.yaml").write_text(f"parameters:\n  kind_by: {by}\n")
    with pytest.raises(vn2pl.InputError) as error:
        run_impute(tmp_path / "panel.parquet", tmp_path / "out", "--config", tmp_path / "c.yaml", "--quiet")
    assert told in str(error.value)


def test_the_shipped_file_serves_a_panel_without_attributes(
    tmp_path: Path, small_panel: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    small_panel.drop("Division", "StoreFormat").write_parquet(tmp_path / "panel.parquet")
    path = CONFIGS / "uncertainty.yaml"
    assert run_impute(tmp_path / "panel.parquet", tmp_path / "out", "--config", path, "--json") == 0
    told = f"vn2pl: note: {path}: the panel has no Division or StoreFormat; groupings by it are left out\n"
    assert capsys.readouterr().err == told
