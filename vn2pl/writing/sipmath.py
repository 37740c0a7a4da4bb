"""SIPs as a SIPmath 3.0 library: JSON that the tools of the probability-management community read.

What it follows: the standard's page (https://www.probabilitymanagement.org/30-standard), and the JSON schema with
examples of every representation that ProbabilityManagement.org publishes in PySIPmath
(https://github.com/probability-management/PySIPmath, `tests/multi-lib-schema-2021-08-19.json`). The longer document
that the page refers to was not at hand. Relied on are the fields ``objectType``, ``libraryType``, ``name``,
``dateCreated``, ``version``, ``provenance``, ``U01.rng`` and ``sips``, and of a SIP ``name``, ``ref``, ``function``,
``arguments`` and ``metadata``.

Of the representations this is the array of trials (function ``SIP_Array`` of type ``array``, read by the generator
``Index``, which is the number of the trial, ``PM_Index``): what a SIP was in the first place (Savage, Scholtes and
Zweidler (2006), "Probability management", OR/MS Today 33(1)). The metalog, the standard's usual function, is a smooth
curve: it cannot say that demand is 0 with probability 0.7 and else a small whole number, as most SIPs of retail
demand do. Arrays of trials can. Readers that know nothing but metalogs, as PySIPmath's own, do not read them.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, BinaryIO

import msgspec
import polars as pl

from .. import queries
from ..queries.names import DRAW, KEY, PRODUCT, QUANTILE, STORE, VALUE, WEEK

GENERATOR = "index"
DRAWS_AT_A_TIME = 1_000_000


def write_library(
    stream: BinaryIO,
    sips: pl.DataFrame,
    /,
    *,
    name: str,
    created: date,
    provenance: str,
    trials: int,
    seed: int,
    demand_unit: float,
) -> int:
    """Write SIPs (Store, Product, week, quantile, value, in units) with ``trials`` draws each; returns how many.

    SIPs come in the order of their keys, a line each, and in memory a few at a time; the same SIPs, trials and seed
    give the same bytes. A SIP is named Store/Product/week, with / and % in keys percent-encoded, so that no two
    share a name; its metadata has the keys as they are, and its quantiles (levels to units).
    """
    head = {
        "objectType": "sipModel",
        "libraryType": "SIPmath_3_0",
        "name": name,
        "dateCreated": created.isoformat(),
        "version": "1",
        "provenance": provenance,
        "U01": {"rng": [{"name": GENERATOR, "function": "Index", "arguments": {"counter": "PM_Index"}}]},
    }
    stream.write(msgspec.json.encode(head)[:-1] + b',"sips":[')
    count = 0
    for sip in _sips(sips, trials=trials, seed=seed, demand_unit=demand_unit):
        stream.write((b",\n" if count else b"\n") + msgspec.json.encode(sip))
        count += 1
    stream.write(b"\n]}\n")
    return count


def sip_name(store: object, product: object, week: date) -> str:
    """``61/231/2022-07-18``."""
    keys = (str(key).replace("%", "%25").replace("/", "%2F") for key in (store, product))
    return "/".join([*keys, week.isoformat()])


def _sips(sips: pl.DataFrame, *, trials: int, seed: int, demand_unit: float) -> Iterator[dict[str, Any]]:
    levels = [pl.col(column).sort_by(QUANTILE) for column in (QUANTILE, VALUE)]
    described = sips.lazy().group_by(KEY).agg(levels).sort(KEY).collect()
    for some in described.iter_slices(max(1, DRAWS_AT_A_TIME // trials)):
        draws = queries.draw_samples(
            some.lazy().explode(QUANTILE, VALUE, empty_as_null=False), n=trials, seed=seed, demand_unit=demand_unit
        )
        arrays = draws.group_by(KEY).agg(pl.col(VALUE).sort_by(DRAW)).sort(KEY).collect(engine="streaming")
        for row, values in zip(some.iter_rows(named=True), arrays[VALUE], strict=True):
            yield _sip(row, values.to_list())


def _sip(row: Mapping[str, Any], values: list[float]) -> dict[str, Any]:
    quantiles = {f"{level:.10g}": value for level, value in zip(row[QUANTILE], _plain(row[VALUE]), strict=True)}
    return {
        "name": sip_name(*(row[key] for key in KEY)),
        "ref": {"source": "rng", "name": GENERATOR},
        "function": "SIP_Array",
        "arguments": {"type": "array", "value": _plain(values)},
        "metadata": {STORE: row[STORE], PRODUCT: row[PRODUCT], WEEK: row[WEEK], "quantiles": quantiles},
    }


def _plain(values: list[float]) -> list[int] | list[float]:
    """Whole numbers without a point."""
    whole = [int(value) for value in values]
    return whole if whole == values else values
