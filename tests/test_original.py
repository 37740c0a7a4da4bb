"""The profile ``original`` reproduces the system that vn2pl replaces."""

from pathlib import Path

import numpy as np
import polars as pl

import vn2pl

KEY = ["Store", "Product", "week"]
CONFIG = vn2pl.load_config(Path(__file__).parents[1] / "configs" / "original.yaml")


def test_features_are_the_golden_ones(golden: Path, vn2_panel: pl.DataFrame) -> None:
    expected = pl.read_parquet(golden / "original_features.parquet")
    found = vn2pl.features(vn2_panel.lazy(), CONFIG).collect().join(expected, on=KEY, suffix="_golden")
    assert found.height == 160
    for name in expected.columns:
        if name not in KEY:
            np.testing.assert_allclose(found[name], found[f"{name}_golden"], rtol=1e-9, atol=1e-9, err_msg=name)


def test_sorted_neighbour_distances_are_the_golden_ones(golden: Path, vn2_panel: pl.DataFrame) -> None:
    stockouts = pl.read_parquet(golden / "original_features.parquet", columns=KEY)
    expected = pl.read_parquet(golden / "original_neighbours.parquet").select(*KEY, "distance")
    neighbours = vn2pl.neighbours(vn2_panel.lazy(), CONFIG)
    found = neighbours.join(stockouts.lazy(), on=KEY).select(*KEY, "distance").collect(engine="streaming")

    def distances(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.group_by(KEY).agg(pl.col("distance").sort()).sort(KEY)

    ours, theirs = distances(found), distances(expected)
    assert ours.select(KEY).equals(theirs.select(KEY))
    for key, mine, golden_distances in zip(
        ours.select(KEY).iter_rows(), ours["distance"], theirs["distance"], strict=True
    ):
        np.testing.assert_allclose(mine, golden_distances, rtol=1e-6, atol=1e-6, err_msg=str(key))
