"""Fills a table with millions of runs, the same ones whenever the seed is the same."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from canvas_sync_core.names import TABLE, RunStatus
from canvas_sync_core.store import database
from canvas_sync_core.store.database import downgrade
from canvas_sync_core.store.model import metrics_table

USERS = 10_000
DAYS = 120
SYNC_TYPES = ("full", "incremental", "grades")
_STATUSES = (
    *((RunStatus.SUCCESS.value,) * 93),
    *((RunStatus.FAILED.value,) * 3),
    *((RunStatus.PARTIAL.value,) * 2),
    RunStatus.CANCELLED.value,
    RunStatus.INTERRUPTED.value,
)
_VARIANTS = 4096
_CHUNK = 500_000
_HEAD_VARIANTS = 65_537
"""A prime, so that heads and bodies are combined differently each time."""
_HEAD_COLUMNS = ("user_id", "duration", "api_share", "db_share")
_NO_HEADS = (
    "SELECT 0 AS user_id, 0.0::float8 AS duration, 0.0::float8 AS api_share, "
    "0.0::float8 AS db_share"
)
_HEAD = (
    *("id", "sync_task_id", "user_id", "sync_start_time", "sync_end_time", "heartbeat"),
    *("duration", "api_seconds", "db_seconds"),
)
_LATER = ("error_traceback", "api_items", "api_bytes", "telemetry_fault", "clock_skew")
"""Columns that the table had not yet before there were rollups."""
_BODY = [each.name for each in metrics_table.columns if each.name not in (*_HEAD, *_LATER)]
_COLUMNS = ", ".join((*_HEAD, *_BODY))

Row = tuple[Any, ...]


def fill(
    engine: Engine,
    rows: int,
    seed: int,
    sync_types: Sequence[str] = SYNC_TYPES,
    days: float = DAYS,
) -> None:
    """Make the table as it was before there were rollups, fill it, and upgrade it.

    Args:
        engine: The database, which is empty.
        rows: How many runs it gets.
        seed: The same one makes the same runs.
        sync_types: Their types.
        days: They begin evenly over so many days up to now.
    """
    database.upgrade(engine)
    downgrade(engine, "0002")
    indexes = sorted(metrics_table.indexes, key=lambda index: str(index.name))
    for index in indexes:
        index.drop(engine, checkfirst=True)
    load = _load_sqlite if engine.dialect.name == "sqlite" else _load_postgresql
    load(engine, rows, days, _heads(seed), _bodies(seed, sync_types))
    for index in indexes:
        index.create(engine, checkfirst=True)
    database.upgrade(engine)
    if engine.dialect.name == "sqlite":
        _empty_write_ahead_log(engine)


def _empty_write_ahead_log(engine: Engine) -> None:
    """Move everything into the database file: gigabytes in the log make every read slow."""
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def _heads(seed: int) -> list[Row]:
    """User, duration, and the shares of it that Canvas and the database take, in many variants.

    The first ones have every user once, so that each has a run.
    """
    chance = random.Random(seed)
    return [
        (
            number if number < USERS else int(chance.random() * USERS),
            chance.lognormvariate(3, 1),
            0.5 + 0.4 * chance.random(),
            0.1 * chance.random(),
        )
        for number in range(_HEAD_VARIANTS)
    ]


def _bodies(seed: int, sync_types: Sequence[str]) -> list[Row]:
    """What many runs have in common, in so many variants."""
    chance = random.Random(seed)
    return [tuple(_body(chance, sync_types)) for _ in range(_VARIANTS)]


def _body(chance: random.Random, sync_types: Sequence[str]) -> Iterator[Any]:
    status = chance.choice(_STATUSES)
    failed = status in (RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.INTERRUPTED)
    known: dict[str, Any] = {
        "course_id": chance.choice((None, chance.randrange(5_000))),
        "sync_type": chance.choice(sync_types),
        "sync_status": status,
        "canvas_host": "canvas.example.edu",
        "progress": 40.0 if failed else 100.0,
        "step": None,
        "error_type": "TimeoutError" if failed else None,
        "error_message": "Canvas did not answer" if failed else None,
        "trace_id": f"{chance.getrandbits(128):032x}",
        "host": f"sync-{chance.randrange(4)}",
        "pid": chance.randrange(1, 65_536),
        "sync_metadata": '{"term": "autumn"}',
        "api_calls": chance.randrange(1, 500),
        "suspect": (suspect := chance.random() < 0.01),
        "suspect_reason": "duration 40 s, the last 20 took 10 s" if suspect else None,
    }
    for column in metrics_table.columns:
        if column.name not in _BODY:
            continue
        if column.name in known:
            yield known[column.name]
        else:
            yield None if column.nullable else chance.randrange(200)


def _load_sqlite(
    engine: Engine, rows: int, days: float, heads: Sequence[Row], bodies: Sequence[Row]
) -> None:
    connection = sqlite3.connect(str(engine.url.database), isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    for table, columns, variants in _variants(heads, bodies):
        placeholders = ", ".join("?" * (len(columns) + 1))
        names = ", ".join(("n INTEGER PRIMARY KEY", *columns))
        connection.execute(f"CREATE TEMP TABLE {table} ({names})")
        numbered = ((number, *row) for number, row in enumerate(variants))
        connection.executemany(f"INSERT INTO {table} VALUES ({placeholders})", numbered)
    counting = f"SELECT 0 UNION ALL SELECT n + 1 FROM s LIMIT {rows}"
    series = f"(WITH RECURSIVE s(n) AS ({counting}) SELECT n FROM s)"
    connection.execute(
        _insert(
            rows,
            days,
            series,
            task_id="printf('run-%09d', s.n + 1)",
            time="strftime('%Y-%m-%dT%H:%M:%f', {}, 'unixepoch') || '000Z'",
        )
    )
    connection.close()


def _load_postgresql(
    engine: Engine, rows: int, days: float, heads: Sequence[Row], bodies: Sequence[Row]
) -> None:
    with engine.begin() as connection:
        driver: Any = connection.connection.dbapi_connection
        cursor = driver.cursor()
        for table, columns, variants in _variants(heads, bodies):
            names = ", ".join(columns)
            source = f"SELECT {names} FROM {TABLE}" if table == "bodies" else _NO_HEADS
            cursor.execute(
                f"CREATE TEMP TABLE {table} AS SELECT 0 AS n, x.* FROM ({source}) x LIMIT 0"
            )
            with cursor.copy(f"COPY {table} (n, {names}) FROM STDIN") as copy:
                for number, row in enumerate(variants):
                    copy.write_row((number, *row))
            cursor.execute(f"ANALYZE {table}")
        series = "(SELECT n FROM generate_series(:first, :last) AS n)"
        padded = "lpad((s.n + 1)::text, 9, '0')"
        task_id = f"'run-' || {padded}"
        statement = _insert(rows, days, series, task_id=task_id, time="to_timestamp({})")
        for first in range(0, rows, _CHUNK):  # the driver gives up on statements of two minutes
            last = min(first + _CHUNK, rows) - 1
            cursor.execute(statement.replace(":first", str(first)).replace(":last", str(last)))
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{TABLE}', 'id'), max(id)) FROM {TABLE}"
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM ANALYZE {TABLE}"))


def _variants(
    heads: Sequence[Row], bodies: Sequence[Row]
) -> tuple[tuple[str, Sequence[str], Sequence[Row]], ...]:
    """Return the names, columns and rows of the tables from which runs are combined."""
    return ("heads", _HEAD_COLUMNS, heads), ("bodies", _BODY, bodies)


def _insert(rows: int, days: float, series: str, *, task_id: str, time: str) -> str:
    """Return the statement that combines runs; they begin evenly over the days up to now.

    The database does it: ten million rows take minutes, from Python an hour.
    """
    now = datetime.now(UTC)
    first, step = (now - timedelta(days=days)).timestamp(), timedelta(days=days) / rows
    start = f"{first!r} + s.n * {step.total_seconds()!r}"
    end = time.format(f"{start} + h.duration")
    values = (
        *("s.n + 1", task_id, "h.user_id", time.format(start), end, end),
        *("h.duration", "h.duration * h.api_share", "h.duration * h.db_share"),
        *(f"b.{name}" for name in _BODY),
    )
    return (
        f"INSERT INTO {TABLE} ({_COLUMNS}) SELECT {', '.join(values)} FROM {series} AS s "
        f"JOIN heads AS h ON h.n = s.n % {_HEAD_VARIANTS} "
        f"JOIN bodies AS b ON b.n = s.n % {_VARIANTS}"
    )
