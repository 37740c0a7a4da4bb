"""DuckDB: a range join and either a window or the k smallest as an aggregate."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ..problem import (
    DIVISION_OFFSET,
    FEATURES,
    NEIGHBORS,
    RELATIVE,
    SEASON_WINDOW,
    TABLE_PARQUET,
    WARM_WEEKS,
    WEIGHTS,
    Answers,
    grouped,
)
from . import Peer


def _load(folder: Path, warm: bool) -> Any:
    connection = import_module("duckdb").connect()
    columns = ", ".join(("row", "period", "season", "in_stock", *FEATURES))
    source = f"read_parquet('{folder / TABLE_PARQUET}')"
    chosen = f"WHERE period < (SELECT min(period) FROM {source}) + {WARM_WEEKS}" if warm else ""
    connection.execute(f"CREATE TABLE panel AS SELECT {columns} FROM {source} {chosen}")
    return connection


def _set_up(connection: Any) -> Any:
    factors = ", ".join(
        f"{weight} / (abs({name}) + {DIVISION_OFFSET}) AS factor_{name}" if relative else f"{weight} AS factor_{name}"
        for name, weight, relative in zip(FEATURES, WEIGHTS, RELATIVE, strict=True)
    )
    connection.execute(f"CREATE TABLE stockouts AS SELECT *, {factors} FROM panel WHERE NOT in_stock")
    connection.execute("CREATE TABLE donors AS SELECT * FROM panel WHERE in_stock")
    connection.execute(f"""
        CREATE TABLE lending AS SELECT t.period AS target_period, c.period
        FROM (SELECT DISTINCT period, season FROM panel) t JOIN (SELECT DISTINCT period, season FROM panel) c
        ON c.period < t.period AND abs(c.season - t.season) <= {SEASON_WINDOW}""")
    return connection


DISTANCE = " + ".join(f"abs(t.{name} - c.{name}) * t.factor_{name}" for name in FEATURES)
PAIRS = f"""SELECT t.row AS target, c.row AS candidate, {DISTANCE} AS distance
    FROM stockouts t JOIN lending l ON l.target_period = t.period JOIN donors c ON c.period = l.period"""
WINDOW = f"""SELECT target, candidate, distance FROM ({PAIRS})
    QUALIFY row_number() OVER (PARTITION BY target ORDER BY distance, candidate) <= {NEIGHBORS}"""
AGGREGATE = f"""SELECT target, unnest(nearest).candidate AS candidate, unnest(nearest).distance AS distance
    FROM (SELECT target, min_by({{'candidate': candidate, 'distance': distance}}, distance, {NEIGHBORS}) AS nearest
        FROM ({PAIRS}) GROUP BY target)"""


def _search(connection: Any, *, query: str) -> Any:
    return connection.execute(query).fetchnumpy()


def _answers(found: Any) -> Answers:
    return grouped(found["target"].astype("int64"), found["distance"].astype("float64"))


PEERS = (
    Peer("DuckDB, min_by", "all", ("duckdb",), _load, _set_up, partial(_search, query=AGGREGATE), _answers),
    Peer("DuckDB, window", "all", ("duckdb",), _load, _set_up, partial(_search, query=WINDOW), _answers),
)
