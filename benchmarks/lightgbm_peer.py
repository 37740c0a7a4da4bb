"""Thirteen LightGBM quantile models beside vn2pl on block masks: how close, and in what time.

The models get the features of vn2pl's profile (earlier weeks only) and the season, week and attributes, and train on
all in-stock weeks that are shown, later ones than the hidden week included: a look ahead that vn2pl has not. They do
not get Store and Product, whose levels the features hold: as categories they made the models several times worse.

python -m benchmarks.lightgbm_peer --seeds 2
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import polars as pl

import vn2pl
from vn2pl import Config, queries
from vn2pl.evaluation import metrics
from vn2pl.evaluation.backtest import METHOD, PLAN, hide, score
from vn2pl.evaluation.masks import SCORED, Mask, draw_masks
from vn2pl.queries.names import DEMAND, IN_STOCK, KEY, OWN_WEEKS, PERIOD, QUANTILE, SALES, SEASON, VALUE

from . import markdown
from .data import observed, panel_name
from .measure import circumstances, save, told_circumstances, watched_load

Result = TypeVar("Result")

NAME = "lightgbm_peer"
PEER, REFERENCE = "lightgbm", "own_history"
NUMBERS = (
    "cold_level",
    "long_run_level",
    "level",
    "recent_level",
    "expected_demand",
    "week_index",
    "zero_share",
    "dispersion",
    OWN_WEEKS,
    SEASON,
    PERIOD,
)
ATTRIBUTES = ("ProductGroup", "Division", "Department", "StoreFormat")
SETTINGS = {
    "objective": "quantile",
    "num_leaves": 31,
    "learning_rate": 0.05,
    "min_data_in_leaf": 50,
    "cat_smooth": 20,
    "verbose": -1,
    "seed": 1,
    "deterministic": True,
}
ROUNDS = 200
LABELS = {PLAN: "vn2pl", PEER: "LightGBM, 13 quantile models", REFERENCE: "own history"}
HEADER = ("method", "scaled", "plain", "seconds", "of it features", "training", "predicting")


def compare(panel: pl.DataFrame, mask: Mask, config: Config) -> list[dict[str, Any]]:
    """Mean losses and seconds of the three methods on one mask."""
    shown = hide(panel, mask.hidden)
    features, preparing = timed(lambda: _features(shown, config))
    sips, training, predicting = boosted(features, config.quantile_levels)
    _, imputing = timed(lambda: vn2pl.impute(shown.drop(SCORED), config).summary)
    rows = score(panel, mask, config).filter(pl.col(METHOD).is_in([PLAN, REFERENCE]))
    ours = rows.group_by(METHOD).agg(pl.col(metrics.PINBALL, metrics.SCALED).mean())
    losses = pl.concat([ours, _losses(sips, panel, mask)], how="vertical_relaxed")
    seconds = {
        PLAN: {"seconds": imputing, "features": preparing},
        PEER: {
            "seconds": preparing + training + predicting,
            "features": preparing,
            "training": training,
            "predicting": predicting,
        },
    }
    return [{"seed": mask.seed, **row, **seconds.get(row[METHOD], {})} for row in losses.iter_rows(named=True)]


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """A result and the seconds it took."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def _features(shown: pl.DataFrame, config: Config) -> pl.DataFrame:
    kept = shown.lazy().select(*KEY, SCORED)
    return queries.features(shown.lazy(), config).join(kept, on=KEY).collect(engine="streaming")


def boosted(features: pl.DataFrame, levels: Sequence[float]) -> tuple[pl.DataFrame, float, float]:
    """SIPs of the scored weeks, and the seconds of training and predicting."""
    present = [name for name in ATTRIBUTES if name in features.columns]
    coded = features.with_columns(pl.col(present).rank("dense").fill_null(0).cast(pl.Int32))
    known, asked = coded.filter(IN_STOCK), coded.filter(SCORED)
    models, training = timed(lambda: _train(known, present, levels))
    values, predicting = timed(lambda: [model.predict(_matrix(asked, present)) for model in models])
    wide = asked.select(KEY).with_columns(
        pl.Series(str(level), value) for level, value in zip(levels, values, strict=True)
    )
    long = wide.unpivot([str(level) for level in levels], index=list(KEY), variable_name=QUANTILE, value_name=VALUE)
    ordered = pl.col(VALUE).clip(lower_bound=0.0).sort().over(KEY)
    return (
        long.with_columns(pl.col(QUANTILE).cast(pl.Float64)).sort(*KEY, QUANTILE).with_columns(ordered),
        training,
        predicting,
    )


def _train(known: pl.DataFrame, attributes: Sequence[str], levels: Sequence[float]) -> list[Any]:
    lightgbm: Any = import_module("lightgbm")
    names = [*NUMBERS, *attributes]
    data = lightgbm.Dataset(
        _matrix(known, attributes),
        known[SALES].to_numpy(),
        feature_name=names,
        categorical_feature=list(attributes),
        free_raw_data=False,
    )
    return [lightgbm.train(SETTINGS | {"alpha": level}, data, num_boost_round=ROUNDS) for level in levels]


def _matrix(rows: pl.DataFrame, attributes: Sequence[str]) -> Any:
    return rows.select(*NUMBERS, *attributes).cast(pl.Float64).to_numpy()


def _losses(sips: pl.DataFrame, panel: pl.DataFrame, mask: Mask) -> pl.DataFrame:
    truth = panel.lazy().select(*KEY, pl.col(SALES).alias(DEMAND)).join(mask.hidden.lazy(), on=KEY, how="semi")
    pinball = metrics.pinball(sips.lazy(), truth)
    both = pinball.join(metrics.scaled_pinball(pinball, metrics.scale(panel.lazy())), on=KEY)
    means = both.select(pl.lit(PEER).alias(METHOD), pl.col(metrics.PINBALL, metrics.SCALED).mean())
    return means.collect()


def measure(skus: int | None, seeds: Sequence[int]) -> dict[str, Any]:
    """Every seed's mask."""
    panel, config = observed(skus), Config()
    facts: dict[str, Any] = {"panel": panel_name(skus), "seeds": list(seeds), "settings": SETTINGS, "rounds": ROUNDS}
    with watched_load(facts):
        facts["rows"] = [
            row for mask in draw_masks("blocks", panel, seeds=seeds) for row in compare(panel, mask, config)
        ]
    return facts | circumstances("lightgbm")


def as_markdown(facts: dict[str, Any]) -> str:
    """Ratios to own history, mean over the seeds, and mean seconds."""
    rows = pl.DataFrame(facts["rows"], infer_schema_length=None)
    own = rows.filter(pl.col(METHOD) == REFERENCE).select("seed", metrics.PINBALL, metrics.SCALED)
    ratios = rows.join(own, on="seed", suffix="_own").with_columns(
        pl.col(name) / pl.col(f"{name}_own") for name in (metrics.SCALED, metrics.PINBALL)
    )
    seconds = ("seconds", "features", "training", "predicting")
    means = ratios.group_by(METHOD).agg(pl.col(metrics.SCALED, metrics.PINBALL, *seconds).mean())
    cells = []
    for row in means.sort(pl.col(METHOD).cast(pl.Enum(list(LABELS)))).iter_rows(named=True):
        times = ("-" if row[name] is None else f"{row[name]:.2f}" for name in seconds)
        cells.append([LABELS[row[METHOD]], f"{row[metrics.SCALED]:.3f}", f"{row[metrics.PINBALL]:.3f}", *times])
    described = (
        f"{facts['panel']}, blocks, earlier weeks, seeds {', '.join(map(str, facts['seeds']))}: pinball loss relative "
        f"to own history, scaled and plain. LightGBM {facts['versions']['lightgbm']}, {facts['rounds']} rounds a "
        f"model, trains on later weeks as well; it answers for the hidden weeks only, vn2pl for the panel's own "
        f"stockouts too. {told_circumstances(facts)}"
    )
    return "\n\n".join([markdown.table(HEADER, cells), described])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep the result and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="masks to draw (default: 2)")
    parser.add_argument("--first-seed", type=int, default=201, help="their first seed (default: 201)")
    parser.add_argument("--skus", type=int, help="a demo panel of this size (default: VN2 where it is there)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead")
    options = parser.parse_args(arguments)
    facts = measure(options.skus, range(options.first_seed, options.first_seed + options.seeds))
    if options.skus is None:
        save(NAME, facts)
    print(json.dumps(facts) if options.json else as_markdown(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
