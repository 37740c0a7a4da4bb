"""How well hidden in-stock weeks are imputed: by the very plan that imputes stockouts, beside simple methods.

Weeks of a mask are shown as stockouts; every method answers for them, and answers are compared with what was sold.
Where a method has no answer the shown sales stay, as they would in a panel, and ``answered`` says so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from .. import queries
from ..queries.distributions import MASS
from ..queries.names import DEMAND, IN_STOCK, KEY, LEVEL_SOURCE, OWN_WEEKS, QUANTILE, RECIPIENT, SALES, SKU, VALUE
from ..queries.profiles import CandidateWeeks
from ..running.shards import Engine, actual_engine, ready, run
from . import baselines, metrics
from .masks import BOUND, SCORED, Mask

PART, SEED, METHOD, ANSWERED = "part", "seed", "method", "answered"
SEGMENT, CLASS, ALL = "segment", "class", "all"
PLAN = "vn2pl"
EVERY = 2**31 - 1
# Methods and segments, in the order of the table, as tables and reports call them.
LABELS: Mapping[str, str] = {
    PLAN: "vn2pl",
    "own_history": "own history",
    "own_recent": "own 13",
    "seasonal_index": "seasonal index",
    "other_stores": "other stores",
    "original": "original metric",
    "zeros": "zeros",
}
METHODS = tuple(LABELS)
REFERENCES: Mapping[str, str] = {
    "blocks": "own_history",
    "launch": "other_stores",
    "partial": "own_history",
    "observed": "own_history",
}
INTERVALS: Mapping[int, tuple[float, float]] = {50: (0.25, 0.75), 80: (0.1, 0.9), 90: (0.05, 0.95)}
DEPARTMENT = "Department"
SEGMENT_LABELS: Mapping[str, str] = {
    "volume_class": "volume",
    "intermittency_class": "pattern",
    LEVEL_SOURCE: "level from",
    DEPARTMENT: "Department",
}
SEGMENTS = tuple(SEGMENT_LABELS)
BY = (METHOD, *KEY)


class Backtest(NamedTuple):
    """``rows``, one per hidden week, method and mask, and ``table``, their figures (see :func:`table`)."""

    rows: pl.DataFrame
    table: pl.DataFrame


class _Answers(NamedTuple):
    """Store, Product, week with quantile and value, and the same with value and mass."""

    sips: pl.LazyFrame
    distributions: pl.LazyFrame


def backtest(
    observed: pl.DataFrame,
    settings: queries.Settings,
    masks: Sequence[Mask],
    /,
    *,
    reference: str,
    engine: Engine = "auto",
    progress: Callable[[Mask], None] = lambda _: None,
) -> Backtest:
    """Hide and impute the weeks of each mask in turn; ``progress`` hears of each when it is done.

    ``observed`` is a checked panel; ratios are to the method ``reference``.
    """
    scored = []
    for mask in masks:
        scored.append(score(observed, mask, settings, engine=engine))
        progress(mask)
    rows = pl.concat(scored)
    figures = table(rows.lazy(), reference=reference, levels=settings.quantile_levels)
    return Backtest(rows, figures.collect(engine=actual_engine(engine)))


def score(
    observed: pl.DataFrame, mask: Mask, settings: queries.Settings, /, *, engine: Engine = "auto"
) -> pl.DataFrame:
    """Every method's answers for the scored weeks of a mask: one row per method and week, sorted.

    Returns part, seed, method, Store, Product, week; demand, bound (the sales shown), scale (units); volume_class,
    intermittency_class, level_source, Department (String, where the panel has it), own_weeks; answered (Boolean);
    pinball, crps, pinball_<level>, error and width_<per cent> (units), scaled_pinball, covered_<per cent> (Boolean)
    and pit (null where there is no answer).
    """
    running = actual_engine(engine)
    every_level = tuple(
        sorted({*settings.quantile_levels, 0.5, *(level for ends in INTERVALS.values() for level in ends)})
    )
    wider = msgspec.structs.replace(settings, quantile_levels=every_level)
    shown = hide(observed, mask.hidden)
    planned, sources = _search(shown, wider, engine=engine)
    original, _ = _search(shown, _original(wider), engine=engine)
    simple = _baselines(shown, settings.candidate_weeks, levels=every_level, engine=engine)
    answers = _clipped({PLAN: planned, **simple, "original": original}, mask.hidden.lazy(), levels=every_level)
    truth = _truth(observed, mask, sources).collect(engine=running)
    sips, distributions = pl.collect_all(answers, engine=running)
    rows = _losses(_Answers(sips.lazy(), distributions.lazy()), truth.lazy(), settings.quantile_levels)
    named = [pl.lit(mask.part).alias(PART), pl.lit(mask.seed, dtype=pl.Int64).alias(SEED)]
    return rows.select(*named, *BY, pl.exclude(BY)).sort(BY).collect(engine=running)


def hide(observed: pl.DataFrame, hidden: pl.DataFrame, /) -> pl.DataFrame:
    """The panel as if the hidden weeks were stockouts that sold their bound; adds scored.

    Stockouts of the panel itself stay what they are and are not scored.
    """
    bound = pl.col(BOUND)
    return (
        observed.drop(BOUND, SCORED, strict=False)
        .join(hidden, on=KEY, how="left")
        .with_columns(
            pl.coalesce(bound, SALES).alias(SALES),
            (pl.col(IN_STOCK) & bound.is_null()).alias(IN_STOCK),
            pl.col(SCORED).fill_null(False),
        )
        .drop(BOUND)
    )


def table(rows: pl.LazyFrame, /, *, reference: str, levels: Sequence[float]) -> pl.LazyFrame:
    """Figures per part, segment, class and method; the segment "all" has everything.

    ``scaled_ratio`` and ``pinball_ratio`` are mean losses relative to ``reference`` on the same weeks: over everything
    the mean of the seeds' ratios, with their standard deviation ``*_sd``, in other segments one ratio over all seeds;
    null where the reference lost nothing.
    Then weeks (rows), answered (share), scaled_pinball, pinball, crps, pinball_<level>, bias (units), coverage_<per
    cent> (share), width_<per cent> (units), pit_deviation, pit_chi_square and pit_1 ... pit_10 (shares).
    """
    segmented = _segmented(rows)
    by = [PART, SEGMENT, CLASS, METHOD]
    figures = segmented.group_by(by).agg(*_means(levels))
    deciles = metrics.pit_deciles(segmented, by=by)
    shares = deciles.group_by(by).agg(
        pl.col(metrics.SHARE).filter(pl.col(metrics.DECILE) == number).first().alias(f"pit_{number}")
        for number in range(1, metrics.DECILES + 1)
    )
    return (
        _ratios(segmented, reference=reference)
        .join(figures, on=by)
        .join(metrics.uniformity(deciles, by=by), on=by, how="left")
        .join(shares, on=by, how="left")
        .sort(PART, pl.col(SEGMENT).cast(pl.Enum([ALL, *SEGMENTS])), CLASS, pl.col(METHOD).cast(pl.Enum(METHODS)))
    )


def _original(settings: queries.Settings) -> queries.Settings:
    """The metric of the system that vn2pl replaces, with its own window, neighbours, and every candidate there is."""
    return msgspec.structs.replace(
        settings,
        profile="original",
        parameters={},
        season_window=2,
        season_wraps=False,
        n_neighbors=20,
        cell_candidates=EVERY,
    )


def _search(shown: pl.DataFrame, settings: queries.Settings, *, engine: Engine) -> tuple[_Answers, pl.LazyFrame]:
    """The plan's answers for the scored weeks, and the SKU's own_weeks and level_source of each.

    Features see the whole panel, its own stockouts too; only the search leaves these out, which nobody could score.
    """
    scored = shown.lazy().select(*KEY, SCORED)
    features = queries.features(shown.lazy(), settings).join(scored, on=KEY)
    relevant = features.filter(pl.col(IN_STOCK) | pl.col(SCORED)).collect(engine=actual_engine(engine))
    search = ready(queries.prepare(relevant.lazy(), settings), settings, engine=engine)

    def plan(seasons: Sequence[int]) -> list[pl.LazyFrame]:
        found = queries.search(search.prepared, settings, seasons=seasons)
        distributions = _named(found.distributions, search.prepared.recipients, demand_unit=settings.demand_unit)
        return [found.quantiles, distributions]

    quantiles, masses = (frame.lazy() for frame in run(search, plan))
    published = queries.published(quantiles, search.prepared, settings)
    sips, outcomes = (frame.lazy() for frame in pl.collect_all(published, engine=actual_engine(engine)))
    return _Answers(sips, masses), outcomes.select(*KEY, OWN_WEEKS, LEVEL_SOURCE)


def _named(distributions: pl.LazyFrame, targets: pl.LazyFrame, *, demand_unit: float) -> pl.LazyFrame:
    week = targets.select(RECIPIENT, *KEY)
    return distributions.join(week, on=RECIPIENT).select(*KEY, pl.col(VALUE) * demand_unit, MASS)


def _baselines(
    shown: pl.DataFrame, candidate_weeks: CandidateWeeks, *, levels: Sequence[float], engine: Engine
) -> dict[str, _Answers]:
    """Simple methods by name. The SKU's own history is of earlier weeks always: it is what ratios refer to."""
    panel = shown.lazy().filter(pl.col(IN_STOCK) | pl.col(SCORED))
    draws = {
        "own_history": baselines.own_sales(panel),
        "own_recent": baselines.own_recent_sales(panel, candidate_weeks=candidate_weeks),
        "seasonal_index": baselines.seasonal_index_median(panel, candidate_weeks=candidate_weeks),
        "other_stores": baselines.other_stores_sales(panel, candidate_weeks=candidate_weeks),
        "zeros": baselines.zeros(panel),
    }
    drawn = (frame.lazy() for frame in pl.collect_all(draws.values(), engine=actual_engine(engine)))
    return {
        name: _Answers(baselines.quantiles(frame, levels=levels), frame.select(*KEY, VALUE, MASS))
        for name, frame in zip(draws, drawn, strict=True)
    }


def _clipped(answers: Mapping[str, _Answers], hidden: pl.LazyFrame, *, levels: Sequence[float]) -> _Answers:
    """All methods in one frame, none below the sales shown, which stand in where a method has no answer."""
    bound = hidden.filter(SCORED).select(*KEY, BOUND)
    at_least = pl.max_horizontal(VALUE, BOUND).alias(VALUE)
    sips, distributions = (
        pl.concat([frame.with_columns(pl.lit(name).alias(METHOD)) for name, frame in named])
        for named in zip(*([(name, frame) for frame in answer] for name, answer in answers.items()), strict=True)
    )
    asked = pl.LazyFrame({METHOD: list(answers)}).join(pl.LazyFrame({QUANTILE: list(levels)}), how="cross")
    return _Answers(
        bound.join(asked, how="cross").join(sips, on=[*BY, QUANTILE], how="left").select(*BY, QUANTILE, at_least),
        distributions.join(bound, on=KEY).select(*BY, at_least, MASS),
    )


def _truth(observed: pl.DataFrame, mask: Mask, sources: pl.LazyFrame) -> pl.LazyFrame:
    """What is known of each scored week: its demand, what it is scaled by, its segments, and a random number."""
    panel = observed.lazy()
    attributes = [pl.col(name).cast(pl.String) for name in observed.columns if name == DEPARTMENT]
    scored = mask.hidden.filter(SCORED).sort(KEY)
    uniform = pl.Series(metrics.UNIFORM, np.random.default_rng(mask.seed).random(scored.height))
    return (
        scored.lazy()
        .select(*KEY, BOUND, uniform)
        .join(panel.select(*KEY, pl.col(SALES).alias(DEMAND), *attributes), on=KEY)
        .join(metrics.scale(panel), on=SKU)
        .join(metrics.volume_class(panel), on=SKU)
        .join(metrics.intermittency_class(panel), on=SKU)
        .join(sources, on=KEY, how="left")
    )


def _losses(answers: _Answers, truth: pl.LazyFrame, levels: Sequence[float]) -> pl.LazyFrame:
    """Every row metric of every method, beside what is known of the week."""
    sips, demand = answers.sips, truth.select(*KEY, DEMAND, metrics.UNIFORM)
    configured = sips.filter(pl.col(QUANTILE).is_in(list(levels)))
    pinball = metrics.pinball(configured, demand, by=BY)
    by_level = metrics.pinball_by_level(configured, demand, by=BY).group_by(BY)
    columns = [
        pinball,
        metrics.scaled_pinball(pinball, truth.select(*SKU, metrics.SCALE).unique(), by=BY),
        metrics.crps(configured, demand, levels=levels, by=BY),
        metrics.error(sips, demand, by=BY),
        *_intervals(sips, demand),
        metrics.pit(answers.distributions, demand, by=BY),
        by_level.agg(
            pl.col(metrics.PINBALL).filter(pl.col(QUANTILE) == level).first().alias(_of_level(level))
            for level in levels
        ),
    ]
    rows = sips.select(BY).unique().join(truth.drop(metrics.UNIFORM), on=KEY)
    for column in columns:
        rows = rows.join(column, on=BY, how="left")
    return rows.with_columns(pl.col(metrics.PIT).is_not_null().alias(ANSWERED))


def _intervals(sips: pl.LazyFrame, demand: pl.LazyFrame) -> list[pl.LazyFrame]:
    covered = [
        metrics.coverage(sips, demand, lower=lower, upper=upper, by=BY).rename({metrics.COVERED: f"covered_{percent}"})
        for percent, (lower, upper) in INTERVALS.items()
    ]
    widths = [
        metrics.interval_width(sips, lower=lower, upper=upper, by=BY).rename({metrics.WIDTH: f"width_{percent}"})
        for percent, (lower, upper) in INTERVALS.items()
    ]
    return [*covered, *widths]


def _of_level(level: float) -> str:
    return f"{metrics.PINBALL}_{level}"


def _segmented(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Every row once for the segment "all" and once for each of its segments."""
    present = [name for name in SEGMENTS if name in rows.collect_schema().names()]
    named = [(ALL, pl.lit(ALL)), *((name, pl.col(name).fill_null("unknown")) for name in present)]
    return pl.concat(
        rows.with_columns(pl.lit(segment).alias(SEGMENT), label.alias(CLASS)).drop(present) for segment, label in named
    )


def _means(levels: Sequence[float]) -> list[pl.Expr]:
    plain = (metrics.SCALED, metrics.PINBALL, metrics.CRPS, *(_of_level(level) for level in levels))
    intervals = {f"coverage_{percent}": f"covered_{percent}" for percent in INTERVALS}
    widths = {f"width_{percent}": f"width_{percent}" for percent in INTERVALS}
    named = {ANSWERED: ANSWERED, **{name: name for name in plain}, "bias": metrics.ERROR, **intervals, **widths}
    weeks = pl.len().alias("weeks")
    return [weeks, *(metrics.mean(pl.col(source)).alias(name) for name, source in named.items())]


def _ratios(segmented: pl.LazyFrame, *, reference: str) -> pl.LazyFrame:
    place = [PART, SEGMENT, CLASS]
    sample = pl.when(pl.col(SEGMENT) == ALL).then(SEED)
    means = segmented.group_by(*place, METHOD, sample.alias(SEED)).agg(
        metrics.mean(pl.col(name)).alias(name) for name in (metrics.SCALED, metrics.PINBALL)
    )
    referred = means.filter(pl.col(METHOD) == reference).drop(METHOD)
    ratios = {"scaled_ratio": metrics.SCALED, "pinball_ratio": metrics.PINBALL}
    beside = means.join(referred, on=[*place, SEED], nulls_equal=True, suffix="_referred")
    referred_loss = {name: pl.col(f"{of}_referred") for name, of in ratios.items()}
    divided = beside.with_columns(
        pl.when(loss > 0).then(pl.col(ratios[name]) / loss).alias(name) for name, loss in referred_loss.items()
    )
    return divided.group_by(*place, METHOD).agg(
        *(metrics.mean(pl.col(name)).alias(name) for name in ratios),
        *(pl.col(name).sort().std().alias(f"{name}_sd") for name in ratios),
    )
