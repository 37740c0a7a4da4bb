"""Two 32-bit numbers in one of 64 bits: one key, or one number to sort by, takes half the time of two columns."""

import polars as pl

LOW = 2**32


def packed(high: pl.Expr, low: pl.Expr, /) -> pl.Expr:
    """Both numbers (UInt32) as one (UInt64); its order is that of the high one, then of the low one."""
    return high.cast(pl.UInt64) * LOW + low.cast(pl.UInt64)


def high_of(both: pl.Expr, /) -> pl.Expr:
    """The high number (UInt32)."""
    return (both // LOW).cast(pl.UInt32, wrap_numerical=True)


def low_of(both: pl.Expr, /) -> pl.Expr:
    """The low number (UInt32)."""
    return both.cast(pl.UInt32, wrap_numerical=True)


def key_of(high: pl.Expr, low: pl.Expr, /) -> pl.Expr:
    """Two signed numbers as one (Int64) to meet on, different for different pairs."""
    return high.cast(pl.Int64) * LOW + low


def bits_of(value: pl.Expr, /) -> pl.Expr:
    """Numbers from 0 on, to the seven digits of Float32, as whole ones (UInt32) in the same order."""
    return value.cast(pl.Float32).reinterpret(dtype=pl.UInt32)


def value_of(bits: pl.Expr, /) -> pl.Expr:
    """The number (Float32) with these bits."""
    return bits.reinterpret(dtype=pl.Float32)
