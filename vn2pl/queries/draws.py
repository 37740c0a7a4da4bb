"""Monte-Carlo draws from SIPs by inverse transform."""

import polars as pl

from .names import DRAW, KEY, QUANTILE, VALUE

STATE = "state"
UNIFORM = "uniform"
LEVELS = "levels"
VALUES = "values"
PASSED = "passed"
# SplitMix64: the step of its counter and the multipliers of its finisher.
STEP = 0x9E3779B97F4A7C15
FIRST_MULTIPLIER, SECOND_MULTIPLIER = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def draw_samples(sips: pl.LazyFrame, /, *, n: int, seed: int, demand_unit: float) -> pl.LazyFrame:
    """``n`` independent draws of demand from each SIP.

    ``sips`` has Store, Product, week, quantile (the level, in (0, 1)) and value (units, rising with the level), one
    row per level; the levels of one SIP need not be those of another.

    A uniform number ``u`` is carried through the quantile function. Between two levels that is the straight line
    between their values; below the first level it is the first value, so that no draw falls below the sales that
    were seen; beyond the last it goes on as an exponential tail through the last two levels, ``v + s log((1 - q)/(1 -
    u))`` (as in Park et al. (2022), "Learning quantile functions without quantile crossing", AISTATS), which is no
    tail at all where their values are equal. The result is rounded to the nearest multiple of ``demand_unit``: of all
    ways to fill in whole numbers it is the middle one, and the quantiles of the draws are the SIP's again.

    ``u`` is a function of Store, Product, week, the number of the draw and ``seed`` alone: whatever the order of the
    rows, the other SIPs, the engine and the threads, a draw is the same. Keys are hashed by Polars, whose hashes may
    change with its version; numbers within a SIP are SplitMix64 (Steele, Lea and Flood (2014), "Fast splittable
    pseudorandom number generators", OOPSLA). SIPs are drawn from independently of one another: that neighbouring
    weeks or stores rise and fall together is not in a SIP.

    Returns Store, Product, week, draw (UInt32, from 1) and value (Float64, units), in no particular order; a streaming
    sink writes them in memory that does not grow with ``n``.
    """
    numbers = pl.LazyFrame().select(pl.int_range(1, n + 1, dtype=pl.UInt32).alias(DRAW))
    return (
        sips.group_by(KEY)
        .agg(pl.col(QUANTILE).sort().alias(LEVELS), pl.col(VALUE).sort_by(QUANTILE).alias(VALUES))
        .with_columns(_state(seed).alias(STATE))
        .join(numbers, how="cross")
        .with_columns(_uniform(pl.col(STATE) + pl.col(DRAW).cast(pl.UInt64) * pl.lit(STEP, pl.UInt64)).alias(UNIFORM))
        .with_columns(_levels_passed().alias(PASSED))
        .select(*KEY, DRAW, _rounded(_quantile(), demand_unit).alias(VALUE))
    )


def _state(seed: int) -> pl.Expr:
    """Where the stream of a SIP starts."""
    key = pl.concat_str([pl.col(name).cast(pl.String) for name in KEY], separator="\0")
    return _mixed(key.hash(seed=0) + pl.lit(seed, pl.UInt64) * pl.lit(STEP, pl.UInt64))


def _mixed(state: pl.Expr) -> pl.Expr:
    """The finisher of SplitMix64; products wrap around."""
    first = (state ^ state // 2**30) * pl.lit(FIRST_MULTIPLIER, pl.UInt64)
    second = (first ^ first // 2**27) * pl.lit(SECOND_MULTIPLIER, pl.UInt64)
    return second ^ second // 2**31


def _uniform(state: pl.Expr) -> pl.Expr:
    """A number in (0, 1): the upper 53 bits, and half a step."""
    return ((_mixed(state) // 2**11).cast(pl.Float64) + 0.5) * 2.0**-53


def _levels_passed() -> pl.Expr:
    """How many levels the uniform number has passed (Int32)."""
    return (pl.col(LEVELS) - pl.col(UNIFORM)).list.eval(pl.element() < 0).list.sum().cast(pl.Int32)


def _quantile() -> pl.Expr:
    last = pl.col(LEVELS).list.len()
    return (
        pl.when(pl.col(PASSED) == 0)
        .then(pl.col(VALUES).list.first())
        .when(pl.col(PASSED) == last)
        .then(pl.col(VALUES).list.last() + _tail().fill_null(0.0))
        .otherwise(_line())
    )


def _line() -> pl.Expr:
    """The value between the levels to either side."""
    sides = [(_at(name, pl.col(PASSED) - 1), _at(name, pl.col(PASSED))) for name in (LEVELS, VALUES)]
    (low, high), (below, above) = sides
    return below + (above - below) * (pl.col(UNIFORM) - low) / (high - low)


def _tail() -> pl.Expr:
    """What lies beyond the last value; null where there is but one level."""
    (before, last), (below, value) = ((_at(name, -2), _at(name, -1)) for name in (LEVELS, VALUES))
    return (value - below) * ((1 - last) / (1 - pl.col(UNIFORM))).log() / ((1 - before) / (1 - last)).log()


def _at(name: str, index: pl.Expr | int) -> pl.Expr:
    return pl.col(name).list.get(index, null_on_oob=True)


def _rounded(value: pl.Expr, unit: float) -> pl.Expr:
    """Never below the first value, which need not be a multiple where sales are not."""
    return pl.max_horizontal((value / unit + 0.5).floor() * unit, pl.col(VALUES).list.first())
