import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Does it help?")

with app.setup:
    import altair as alt
    import marimo as mo
    import polars as pl

    import vn2pl
    from vn2pl.evaluation import baselines, metrics
    from vn2pl.evaluation.backtest import backtest
    from vn2pl.evaluation.masks import draw_masks

    BLUE, GREY = "#0072B2", "#999999"


@app.function
def shown(frame: pl.DataFrame | pl.LazyFrame) -> mo.ui.table:
    """A table to read, rounded."""
    rounded = frame.lazy().collect().with_columns(pl.selectors.float().round(3))
    return mo.ui.table(rounded, selection=None, page_size=25, show_download=False)


@app.cell
def _():
    mo.md("""
    # Does it help?

    Nobody knows the demand of a stockout week. So weeks that *were* in stock are hidden, imputed as if they had been
    stockouts, and compared with what was sold. `vn2pl backtest` does so from the command line; here it is step by step.

    As it stands this reads a small generated panel. For your own:

    `marimo edit notebooks/does_it_help.py -- --data sales.parquet`
    """)
    return


@app.cell
def _():
    given = mo.cli_args().get("data")
    demo = vn2pl.demo_panel(skus=200, weeks=120)
    panel = vn2pl.read_panel(given).collect() if given else demo.panel
    config = vn2pl.Config()
    return config, demo, given, panel


@app.cell
def _(panel):
    masks = draw_masks("blocks", panel, seeds=[201])
    hidden = masks[0].hidden.height
    in_stock = panel["in_stock"].sum()

    mo.md(f"""
    ## 1. Hide

    Blocks of 1 to 8 weeks, {hidden:,} of the {in_stock:,} in-stock weeks. A seed decides which; other masks hide
    launches, partial stockouts, or weeks in the pattern of the panel's own stockouts.
    """)
    return (masks,)


@app.cell
def _(config, masks, panel):
    result = backtest(panel, config, masks, reference="own_history")
    everything = result.table.filter(pl.col("segment") == "all", pl.col("answered") > 0)
    losses = everything.select("method", "scaled_ratio", "pinball_ratio", "bias", "coverage_80")
    best = alt.condition(alt.datum.method == "vn2pl", alt.value(BLUE), alt.value(GREY))

    mo.vstack(
        [
            mo.md("""
            ## 2. Impute and compare

            The pinball loss judges all quantiles at once. Here it is relative to the plain quantiles of the SKU's own
            earlier in-stock weeks (1.0): less is better. `scaled`: every SKU counts alike, however much it sells.
            """),
            alt.Chart(losses, width=500)
            .mark_bar()
            .encode(
                alt.X("scaled_ratio:Q", title="scaled pinball loss / own history"),
                alt.Y("method:N", sort="x", title=None),
                color=best,
            ),
            shown(losses.sort("scaled_ratio")),
        ]
    )
    return (result,)


@app.cell
def _(result):
    segments = result.table.filter(pl.col("segment").is_in(["volume_class", "intermittency_class"]))
    ours = segments.filter(pl.col("method") == "vn2pl")
    told = ours.select("segment", "class", "weeks", "scaled_ratio", "pinball_ratio")

    mo.vstack([mo.md("## 3. Where does it help?\n\nBy how much the SKU sells, and by how regularly."), shown(told)])
    return


@app.cell
def _(result):
    deciles = (
        result.table.filter(pl.col("segment") == "all", pl.col("method") == "vn2pl")
        .select(pl.col(f"pit_{number}").alias(str(number)) for number in range(1, 11))
        .unpivot(variable_name="decile", value_name="share")
        .with_columns(pl.col("decile").cast(pl.Int64))
    )
    even = alt.Chart(pl.DataFrame({"share": [0.1]})).mark_rule(color=GREY, strokeDash=[4, 4]).encode(alt.Y("share:Q"))
    histogram = alt.Chart(deciles, width=500, height=180).mark_bar(color=BLUE)

    mo.vstack(
        [
            mo.md("""
            ## 4. Are the distributions honest?

            Where does true demand fall within its own SIP (randomised PIT)? A tenth of the weeks should fall in each
            tenth. A valley in the middle: SIPs too narrow. A hill: too wide. A slope: biased.
            """),
            histogram.encode(
                alt.X("decile:O", axis=alt.Axis(labelAngle=0)), alt.Y("share:Q", title="share of the weeks")
            )
            + even,
        ]
    )
    return


@app.cell
def _(result):
    pits = result.rows.filter(pl.col("method") == "vn2pl")["pit"].drop_nulls()
    reached = pl.DataFrame(
        [{"level": level / 20, "share": (pits <= level / 20).mean()} for level in range(1, 20)],
    )
    diagonal = alt.Chart(pl.DataFrame({"level": [0, 1], "share": [0, 1]})).mark_line(color=GREY, strokeDash=[4, 4])
    axes = (alt.X("level:Q", title="level of the SIP"), alt.Y("share:Q", title="share of the weeks at or below it"))

    mo.vstack(
        [
            mo.md("""
            ## 5. Do levels mean what they say?

            The 0.9 quantile should hold in nine weeks of ten. On the line: it does.
            """),
            diagonal.encode(*axes)
            + alt.Chart(reached, width=300, height=300).mark_point(color=BLUE, filled=True).encode(*axes),
        ]
    )
    return


@app.cell
def _(config, demo, given, panel):
    def versus_truth() -> pl.DataFrame:
        """Loss of the SIPs of the panel's own stockouts, and of own history, where both answer."""
        truth = demo.demand.lazy()
        sips = vn2pl.sips(panel.lazy(), config)
        own = baselines.own_history(panel.lazy(), levels=config.quantile_levels)
        key = ["Store", "Product", "week"]
        both = metrics.pinball(sips, truth).join(metrics.pinball(own, truth), on=key, suffix="_own_history")
        return both.select(pl.len().alias("weeks"), pl.col("pinball", "pinball_own_history").mean()).collect()

    truth = None if given else versus_truth()
    mo.stop(truth is None, mo.md("## 6. The panel's own stockouts\n\nTheir demand is not known."))

    mo.md(f"""
    ## 6. The panel's own stockouts

    A generated panel has what a real one hides: the true demand of its stockouts. On the {truth["weeks"].item():,} that
    have own earlier weeks the pinball loss is {truth["pinball"].item():.3f} units, that of own history
    {truth["pinball_own_history"].item():.3f}.
    """)
    return


if __name__ == "__main__":
    app.run()
