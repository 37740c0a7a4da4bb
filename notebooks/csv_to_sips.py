import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="From CSVs to SIPs")

with app.setup:
    import atexit
    import shutil
    import tempfile
    from pathlib import Path

    import altair as alt
    import marimo as mo
    import polars as pl

    import vn2pl
    from vn2pl import queries


@app.function
def shown(frame: pl.DataFrame | pl.LazyFrame) -> mo.ui.table:
    """A table to read, rounded."""
    rounded = frame.lazy().collect().with_columns(pl.selectors.float().round(3))
    return mo.ui.table(rounded, selection=None, page_size=25, show_download=False)


@app.function
def write_wide(panel: pl.DataFrame, folder: Path) -> None:
    """The panel as VN2 publishes it: sales and flags with a column per week, and the attributes of each SKU."""
    key = ["Store", "Product"]
    for name, values in {"2024-04-08 - Sales": "sales", "In Stock": "in_stock"}.items():
        panel.pivot("week", index=key, values=values).write_csv(folder / f"Week 0 - {name}.csv")
    attributes = panel.drop("week", "sales", "in_stock").unique(key, maintain_order=True)
    attributes.write_csv(folder / "Week 0 - Master.csv")


@app.cell
def _():
    given = mo.cli_args().get("data")
    source = Path(given or tempfile.mkdtemp())
    if not given:
        atexit.register(shutil.rmtree, source, ignore_errors=True)
        write_wide(vn2pl.demo_panel(skus=80, weeks=104).panel, source)
    files = sorted(path.name for path in source.iterdir()) if source.is_dir() else [source.name]

    mo.md(f"""
    # From CSVs to SIPs

    The whole way in ten cells. The stages are lazy frames, which `collect` computes; `vn2pl impute` runs the same.
    As it stands this reads a small generated panel. For your own:

    `marimo edit notebooks/csv_to_sips.py -- --data sales.parquet`

    ## 1. The files

    {", ".join(f"`{name}`" for name in files)}
    """)
    return (source,)


@app.cell
def _(source):
    panel = vn2pl.scan_panel(source)
    stockout = ~pl.col("in_stock")

    mo.vstack(
        [
            mo.md("""
            ## 2. The panel

            A row per SKU-week: what was sold, and whether there was stock. Where there was none, demand was *at least*
            what was sold. (`vn2pl.read_panel` reads the same and checks every value as well.)
            """),
            shown(
                panel.group_by(stockout.alias("stockout"))
                .agg(pl.len().alias("SKU-weeks"), pl.col("sales").mean().alias("mean sales"))
                .sort("stockout")
            ),
            shown(panel.filter(stockout).sort("Store", "Product", "week").head(3)),
        ]
    )
    return (panel,)


@app.cell
def _(panel):
    config = vn2pl.Config(n_neighbors=100, min_candidates=500)
    # Collected once, as the command does: all later stages start here.
    features = queries.features(panel, config).collect().lazy()

    mo.vstack(
        [
            mo.md("""
            ## 3. The profile: what was to be expected

            For every SKU-week, with or without stock: the level of the SKU, how the week went for the other SKUs
            (`week_index`, a logarithm), and from these the `expected_demand`. Nothing of the week's own sales is in it.
            """),
            shown(
                features.filter(pl.col("in_stock"), pl.col("own_weeks") == 52)
                .select("Store", "Product", "week", "sales", "own_weeks", "level", "week_index", "expected_demand")
                .sort("Store", "Product", "week")
                .head(5)
            ),
        ]
    )
    return config, features


@app.cell
def _(config, features):
    key = ["Store", "Product", "week"]
    prepared = queries.prepare(features, config)
    chosen = prepared.recipients.sort("own_weeks", "recipient", descending=[True, False]).head(1).collect()
    stockouts, donors = prepared.recipients.collect().height, prepared.donors.collect().height

    mo.vstack(
        [
            mo.md(f"""
            ## 4. Recipients and donors

            {stockouts:,} stockout weeks look for their like among {donors:,} in-stock weeks. One of them, with the
            longest history of its own, is followed from here on.
            """),
            shown(chosen.select(*key, "own_weeks", pl.col("recipient_expected_demand").alias("expected demand"))),
        ]
    )
    return chosen, key, prepared


@app.cell
def _(chosen, prepared):
    pairs = prepared.recipients.select(pl.col("candidates").cast(pl.Int64).sum())

    mo.md(f"""
    ## 5. Pools

    It is compared with {chosen["candidates"].item():,} candidates: earlier in-stock weeks of near season and near
    expected demand. All stockouts together make
    {pairs.collect().item():,} pairs, which the engine streams: they are never all in memory.
    """)
    return


@app.cell
def _(chosen, config, key, prepared):
    found = queries.solve(prepared, config)
    neighbours = found.neighbours.join(chosen.lazy().select(key), on=key, how="semi").sort("rank").collect()
    lent = neighbours.group_by(pl.col("demand").round(0)).agg(pl.col("weight").sum()).sort("demand")

    mo.vstack(
        [
            mo.md(f"""
            ## 6. Neighbours

            The {neighbours.height} nearest of them. Each lends its sales, rescaled to the stockout's expected
            demand, and counts the more the nearer it is.
            """),
            shown(
                neighbours.select(
                    "rank", "neighbour_store", "neighbour_product", "neighbour_week", "distance", "demand"
                ).head(5)
            ),
            alt.Chart(lent, title="What the neighbours lend", width=600, height=160)
            .mark_bar(color="#0072B2")
            .encode(
                alt.X("demand:O", title="units, rounded", axis=alt.Axis(labelAngle=0)),
                alt.Y("weight:Q", title="sum of weights"),
            ),
        ]
    )
    return (found,)


@app.cell
def _(chosen, found):
    distribution = (
        found.distributions.join(chosen.lazy().select("recipient"), on="recipient", how="semi")
        .select("value", (pl.col("cumulated") / pl.col("total")).alias("probability"))
        .sort("value")
        .collect()
    )

    mo.vstack(
        [
            mo.md("""
            ## 7. The distribution

            What they lend, added up from the smallest (with a smooth law of counts beside them): how likely demand was
            at most this many units.
            """),
            alt.Chart(distribution, width=600, height=200)
            .mark_line(interpolate="step-after", color="#0072B2")
            .encode(
                alt.X("value:Q", title="units"),
                alt.Y("probability:Q", title="probability", scale=alt.Scale(domain=[0, 1])),
            ),
        ]
    )
    return


@app.cell
def _(chosen, found, key):
    sips = found.sips
    sip = sips.join(chosen.lazy().select(key), on=key, how="semi").collect()

    mo.vstack(
        [
            mo.md("""
            ## 8. The SIP

            The distribution, cut at the levels of the configuration: this is what `imputed_sips.parquet` holds.
            """),
            shown(sip.select(pl.col("quantile").cast(pl.String), "value").transpose(column_names="quantile")),
        ]
    )
    return (sips,)


@app.cell
def _(found, panel, sips):
    imputed = queries.imputed_panel(panel, found.outcomes)
    summary = queries.summary_figures(imputed).collect()
    figures = dict(summary.iter_rows())

    mo.vstack(
        [
            mo.md(f"""
            ## 9. The imputed panel

            {figures["n_imputed"]:,.0f} of {figures["n_stockouts"]:,.0f} stockouts have a SIP
            ({sips.collect().height:,} quantiles). With their medians in place the panel's volume is
            {figures["volume_lift_pct"]:.1f} % higher. The command writes the same frames, with `n_neighbors: 100` and
            `min_candidates: 500` in a file: `vn2pl impute --data FOLDER --config FILE`. (Both are lower here than the
            defaults because this panel is small.)
            """),
            shown(summary),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
