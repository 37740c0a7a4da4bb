"""Linear algebra with the same result to the last bit on every machine, for any number of threads and order of rows.

Sums are of whole numbers, which floating point adds without rounding while they stay below 2^53. Elimination uses
nothing but the four operations, one by one, which IEEE 754 defines to the last bit. What comes out is rounded to steps.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Features count up to 8 in steps of 2^-10, weights up to 64 in steps of 2^-10. A product of three is at most 2^42, and
# 2^11 of them can be added before they are added up as Int64.
FEATURE_STEPS, LARGEST_FEATURE = 2**10, 8
WEIGHT_STEPS, LARGEST_WEIGHT = 2**10, 64
COEFFICIENT_STEPS, INVERSE_STEPS = 2**16, 2**32
# Closer to the middle of two steps than this (in steps), and libraries might round a solution differently.
CAUTION = 1e-4
ROWS_AT_ONCE = 2**11
# Libraries multiply smaller matrices in one thread; starting more would take longer than the work.
SMALL_PRODUCT = 2**18


def in_feature_steps(values: pl.Expr, /) -> pl.Expr:
    """Values as whole steps (Int16)."""
    largest = FEATURE_STEPS * LARGEST_FEATURE
    return (values * FEATURE_STEPS).round().clip(-largest, largest).cast(pl.Int16)


def in_weight_steps(values: Floats, /) -> Floats:
    """Values as whole steps."""
    return np.rint(values * WEIGHT_STEPS)


def in_coefficient_steps(values: Floats, /) -> Floats:
    """Values as whole steps."""
    return np.rint(values * COEFFICIENT_STEPS)


class Solution(NamedTuple):
    """Of a symmetric, positive definite system the solution and the diagonal of the inverse, rounded to steps."""

    values: Floats
    inverse: Floats


def solution(matrix: Floats, right: Floats, /) -> Solution:
    """Libraries differ in the last digits only, which rounding takes away; where it might not, they are not asked."""
    steps = np.repeat([COEFFICIENT_STEPS, INVERSE_STEPS], len(right))
    found = _solved(np.asarray(np.linalg.inv(matrix), np.float64), right) * steps
    if (np.abs(found - np.floor(found) - 0.5) < CAUTION).any():
        found = _solved(eliminated(matrix, np.eye(len(right))), right) * steps
    values, inverse = np.split(np.rint(found) / steps, 2)
    return Solution(values, inverse)


def _solved(inverse: Floats, right: Floats) -> Floats:
    return np.concatenate([(inverse * right).sum(axis=1), np.diag(inverse)])


def weeks_of(period: NDArray[np.int32], /) -> Iterator[tuple[int, Integers]]:
    """Every period, and the places of its rows."""
    order = np.argsort(period, kind="stable")
    periods, starts = np.unique(period[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    for number, (start, end) in enumerate(zip(starts.tolist(), ends, strict=False)):
        yield int(periods[number]), order[start:end]


def products(left: Floats, right: Floats, /) -> Integers:
    """The matrix left' right of whole numbers, rows being summed over."""
    total = np.zeros((left.shape[1], right.shape[1]), np.int64)
    at_once = min(ROWS_AT_ONCE, SMALL_PRODUCT // total.size)
    for start in range(0, len(left), at_once):
        rows = slice(start, start + at_once)
        total += (left[rows].T @ right[rows]).astype(np.int64)
    return total


def eliminated(matrices: Floats, rights: Floats, /) -> Floats:
    """Solutions of such systems, one or a stack of them (last axes p x p and p x q), the same to the last bit."""
    work = np.concatenate([matrices, rights], axis=-1)
    size = matrices.shape[-1]
    for pivot in range(size):
        row = work[..., pivot, pivot + 1 :] / work[..., pivot, pivot, None]
        work[..., pivot + 1 :] -= work[..., :, pivot, None] * row[..., None, :]
        work[..., pivot, pivot + 1 :] = row
    return work[..., size:]
