"""Fills a table with millions of runs, the same ones whenever the seed is the same."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
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
_CHUNK = 5_000
_HEAD = (
    *("id", "sync_task_id", "user_id", "sync_start_time", "sync_end_time", "heartbeat"),
    *("duration", "api_seconds", "db_seconds"),
)
_LATER = ("error_traceback", "api_items", "api_bytes", "telemetry_fault", "clock_skew")
"""Columns that the table had not yet before there were rollups."""
_BODY = [each.name for each in metrics_table.columns if each.name not in (*_HEAD, *_LATER)]
_COLUMNS = ", ".join((*_HEAD, *_BODY))

Row = tuple[Any, ...]


def fill(engine: Engine, rows: int, seed: int, sync_types: Sequence[str] = SYNC_TYPES) -> None:
    """Make the table as it was before there were rollups, fill it, and upgrade it."""
    database.upgrade(engine)
    downgrade(engine, "0002")
    indexes = sorted(metrics_table.indexes, key=lambda index: str(index.name))
    for index in indexes:
        index.drop(engine, checkfirst=True)
    load = _load_sqlite if engine.dialect.name == "sqlite" else _load_postgresql
    load(engine, _heads(rows, seed), _bodies(seed, sync_types))
    for index in indexes:
        index.create(engine, checkfirst=True)
    database.upgrade(engine)


def _heads(rows: int, seed: int) -> Iterator[Row]:
    """What is a run's own; runs begin evenly over the days up to now."""
    chance = random.Random(seed)
    now = datetime.now(UTC).replace(tzinfo=None)
    first, step = now - timedelta(days=DAYS), timedelta(days=DAYS) / rows
    for number in range(rows):
        start = first + number * step
        duration = chance.lognormvariate(3, 1)
        end = _rfc3339(start + timedelta(seconds=duration))
        yield (
            number + 1,
            f"run-{number + 1:09d}",
            int(chance.random() * USERS),
            _rfc3339(start),
            end,
            end,
            duration,
            duration * (0.5 + 0.4 * chance.random()),
            duration * 0.1 * chance.random(),
        )


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds") + "Z"


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


def _load_sqlite(engine: Engine, heads: Iterator[Row], bodies: Sequence[Row]) -> None:
    places = ", ".join("?" * (len(_HEAD) + len(_BODY)))
    connection = sqlite3.connect(str(engine.url.database), isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    while chunk := list(islice(heads, _CHUNK)):
        rows = [head + bodies[head[0] % _VARIANTS] for head in chunk]
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO {TABLE} ({_COLUMNS}) VALUES ({places})", rows)
        connection.execute("COMMIT")
    connection.close()


def _load_postgresql(engine: Engine, heads: Iterator[Row], bodies: Sequence[Row]) -> None:
    tails = ["\t".join(r"\N" if each is None else str(each) for each in body) for body in bodies]
    with engine.begin() as connection:
        driver: Any = connection.connection.dbapi_connection
        with driver.cursor().copy(f"COPY {TABLE} ({_COLUMNS}) FROM STDIN") as copy:
            while chunk := list(islice(heads, _CHUNK)):
                copy.write(
                    "".join(
                        "\t".join(map(str, head)) + f"\t{tails[head[0] % _VARIANTS]}\n"
                        for head in chunk
                    )
                )
        connection.execute(
            text(f"SELECT setval(pg_get_serial_sequence('{TABLE}', 'id'), max(id)) FROM {TABLE}")
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM ANALYZE {TABLE}"))
