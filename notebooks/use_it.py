import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Use it")

with app.setup:
    import altair as alt
    import marimo as mo
    import polars as pl

    import vn2pl

    BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"
    SKU, KEY = ["Store", "Product"], ["Store", "Product", "week"]
    SHORTAGE, LEFTOVER = 4.0, 1.0


@app.function
def shown(frame: pl.DataFrame | pl.LazyFrame) -> mo.ui.table:
    """A table to read, rounded."""
    rounded = frame.lazy().collect().with_columns(pl.selectors.float().round(3))
    return mo.ui.table(rounded, selection=None, page_size=25, show_download=False)


@app.cell
def _():
    demo = vn2pl.demo_panel(skus=400, weeks=60)
    config = vn2pl.Config(candidate_weeks="all")
    sips = vn2pl.sips(demo.panel.lazy(), config).collect()
    draws = vn2pl.sample(sips.lazy(), n=400, seed=1).collect()

    mo.vstack(
        [
            mo.md("""
            # Use it

            Two uses of SIPs: training a model on history with stockouts in it, and ordering. Both are shown on a
            generated panel, whose true demand is known, so that the result can be judged. History is filled in before
            training, so weeks on both sides may be looked at: `candidate_weeks: all`.

            ## 1. Draws

            `vn2pl.sample` draws demand from each SIP. Whatever can be asked of one demand can be asked of the draws.
            """),
            shown(draws.sort(*KEY, "draw").head(4)),
        ]
    )
    return demo, draws


@app.cell
def _(demo, draws):
    middle = draws.group_by(KEY).agg(pl.col("value").mean().alias("mean"), pl.col("value").median().alias("median"))
    compared = middle.join(demo.demand, on=KEY).select(pl.col("demand", "mean", "median").mean())

    mo.vstack(
        [
            mo.md("""
            ## 2. Means for models of the mean

            Demand is skewed: its median lies below its mean. `sales` in `demand_imputed.parquet` is the median. A model
            of *mean* demand wants the mean of the SIP instead. Over all stockouts, units a week:
            """),
            shown(compared),
        ]
    )
    return (middle,)


@app.cell
def _(demo, middle):
    in_stock = pl.col("in_stock")
    age = (pl.col("week").max() - pl.col("week")).dt.total_days() / 7
    history = (
        demo.panel.join(middle, on=KEY, how="left", maintain_order="left")
        .join(demo.demand, on=KEY, maintain_order="left")
        .with_columns((0.5 ** (age / 26)).alias("recency"))
    )

    def level(values: pl.Expr, weight: pl.Expr) -> pl.Expr:
        """A weighted mean in which a week counts half as much as one half a year later."""
        counted = pl.col("recency") * weight
        return (counted * values).sum() / counted.sum()

    def treated(name: str, values: pl.Expr, weight: pl.Expr, of_imputed: float | None) -> pl.DataFrame:
        """Levels from the treated history against those from the true demand, of SKUs that were out of stock."""
        fitted = history.group_by(SKU).agg(
            level(values, weight).fill_nan(0.0).alias("level"),
            level(pl.col("demand"), pl.lit(1.0)).alias("ideal"),
            in_stock.all().alias("never_out"),
        )
        apart = (pl.col("level") - pl.col("ideal")).filter(~pl.col("never_out"))
        figures = fitted.select(apart.mean().alias("bias"), apart.abs().mean().alias("error"))
        return figures.select(
            pl.lit(name).alias("training data"), pl.lit(of_imputed, pl.Float64).alias("weight"), "bias", "error"
        )

    def filled(value: str) -> pl.Expr:
        """Sales where there was stock, else what the SIP says; a stockout without a SIP counts for nothing."""
        return pl.when(in_stock).then("sales").otherwise(pl.col(value).fill_null(0.0))

    def counting(of_imputed: float) -> pl.Expr:
        return pl.when(in_stock).then(1.0).when(pl.col("mean").is_not_null()).then(of_imputed).otherwise(0.0)

    shares = [0.0, 0.25, 0.5, 0.75, 1.0]
    treatments = pl.concat(
        [
            treated("zeros left in", pl.col("sales"), pl.lit(1.0), None),
            treated("medians", filled("median"), counting(1.0), 1.0),
            *(treated("means", filled("mean"), counting(share), share) for share in shares),
        ]
    )
    return (treatments,)


@app.cell
def _(treatments):
    means = treatments.filter(pl.col("training data") == "means")
    best = means.sort("error")["weight"][0]

    mo.vstack(
        [
            mo.md("""
            ## 3. How much should an imputed week count?

            The model is the simplest there is: a level per SKU, a mean weighted by recency. The yardstick is the same
            model fitted to the true demand, which nobody has. `weight` is what an imputed week counts for beside an
            observed one; 0 drops stockouts.
            """),
            alt.Chart(means, width=400, height=180)
            .mark_line(point=True, color=BLUE)
            .encode(
                alt.X("weight:Q", title="weight of an imputed week"),
                alt.Y("error:Q", title="mean error of the level, units", scale=alt.Scale(zero=False)),
            ),
            shown(treatments),
            mo.md(f"""
            Zeros left in pull every level down; medians pull it down a little. Here means do best at a weight of
            {best:g}. An imputed week is an estimate and not an observation, and the better the SIPs, the more it may
            count. Most libraries take such weights as `sample_weight`. Find yours in the same way, with hidden weeks.
            """),
        ]
    )
    return


@app.cell
def _(demo, draws):
    ratio = SHORTAGE / (SHORTAGE + LEFTOVER)
    orders = draws.group_by(KEY).agg(
        pl.lit(0.0).alias("the zeros"),
        pl.col("value").median().alias("median"),
        pl.col("value").mean().round().alias("mean"),
        pl.col("value").quantile(ratio, "higher").alias("newsvendor"),
    )

    def cost(order: str) -> pl.Expr:
        over = pl.col(order) - pl.col("demand")
        return pl.max_horizontal(LEFTOVER * over, -SHORTAGE * over).mean().alias(order)

    policies = ["the zeros", "median", "mean", "newsvendor"]
    costs = orders.join(demo.demand, on=KEY).select(cost(order) for order in policies)
    table = costs.unpivot(variable_name="order", value_name="cost a week")

    mo.vstack(
        [
            mo.md(f"""
            ## 4. A newsvendor's order

            A unit short costs {SHORTAGE:g}, a unit left over {LEFTOVER:g}. The best order is then the quantile at
            {SHORTAGE:g} / ({SHORTAGE:g} + {LEFTOVER:g}) = {ratio:g} of demand. What each order would have cost a
            stockout week on average, judged by its true demand:
            """),
            alt.Chart(table, width=400)
            .mark_bar()
            .encode(
                alt.X("cost a week:Q"),
                alt.Y("order:N", sort=policies, title=None),
                color=alt.condition(alt.datum.order == "newsvendor", alt.value(BLUE), alt.value(GREY)),
            ),
            shown(table),
        ]
    )
    return costs, ratio


@app.cell
def _(demo, draws, ratio):
    weekly = draws.group_by(KEY).agg(pl.col("value").quantile(ratio, "higher").alias("order")).group_by(SKU)
    totals = draws.group_by(*SKU, "draw").agg(pl.col("value").sum()).group_by(SKU)
    wanted = draws.select(KEY).unique().join(demo.demand, on=KEY).group_by(SKU)
    seasons = (
        weekly.agg(pl.col("order").sum().alias("sum of weekly orders"), pl.len().alias("weeks"))
        .join(totals.agg(pl.col("value").quantile(ratio, "higher").alias("order for the sum")), on=SKU)
        .join(wanted.agg(pl.col("demand").sum()), on=SKU)
        .filter(pl.col("weeks") >= 4)
    )
    names = ["sum of weekly orders", "order for the sum"]
    judged = pl.concat(
        seasons.select(
            pl.lit(name).alias("order"),
            pl.len().alias("SKUs"),
            pl.col(name).sum().alias("units"),
            (pl.col("demand") <= pl.col(name)).mean().alias("share of SKUs whose demand it met"),
        )
        for name in names
    )

    mo.vstack(
        [
            mo.md(f"""
            ## 5. Several weeks together

            Quantiles do not add, since not every week is a good week. Draws do. One order for all stockout weeks of a
            SKU, for SKUs with at least four; the true demand of all is {seasons["demand"].sum():,.0f} units.
            """),
            shown(judged),
            mo.md("""
            SIPs are drawn from independently. Where good weeks come in rows the total varies more than the draws say,
            and an order for the sum meets somewhat less than it aims at.
            """),
        ]
    )
    return (judged,)


if __name__ == "__main__":
    app.run()
