"""No row, even one of another program, keeps an endpoint, the rollups or the jobs from working."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from canvas_sync_core.names import TABLE
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.writing import Waiting, waiting
from canvas_sync_exporter.jobs.interrupted_runs import InterruptedRuns
from canvas_sync_exporter.jobs.old_runs import delete_old_runs
from canvas_sync_exporter.jobs.roll_up import RollUp
from canvas_sync_exporter.jobs.suspect_runs import flag_suspect_runs
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from support.runs import running, snapshot, write
from support.tables import create_tables

API = "/api/canvas/metrics"
_ZONES = ("UTC", "Australia/Lord_Howe", "America/Los_Angeles", "Pacific/Kiritimati")
_TIMES = [
    *("'9999-12-31T23:59:59.999999Z'", "'9999-01-01T00:00:00.000000Z'"),
    *("'0001-01-01T00:00:00.000000Z'", "'1969-12-31T23:59:59.999999Z'"),
    *("'2262-04-12T00:00:00.000000Z'", "'2999-06-01T12:00:00.000000Z'"),
]
_TIMES_OF_POSTGRESQL = [
    "'infinity'", "'-infinity'", "'4713-01-01 00:00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'"
]  # fmt: skip
_TIMES_OF_SQLITE = [
    *("'yesterday'", "''", "' '", "'2026-13-45'", "'2999-12-22 10:15:30'", "5", "1e300"),
    *(
        "x'00ff'",
        "'2999-12-22T10:15:30+05:00'",
        "'2999-12-22'",
        "cast(x'ff' as text)",
        "'9' || 'x'",
    ),
]
_WHOLE = ["-1", "-9223372036854775808", "9223372036854775807", "4611686018427387904"]
_FLOATS = ["-1", "-1e308", "1e308", "1e-308", "1.7e308"]
_FLOATS_OF_POSTGRESQL = ["'NaN'", "'Infinity'", "'-Infinity'"]
_ANYTHING = ["9e999", "-9e999", "'a word'", "''", "x'00ff'", "1.5", "1e19", "cast(x'ff' as text)"]
_WORDS = ["''", "'SUCCESS'", "'done'", "'running '", "'a' || chr(10) || 'b'"]
_JSON = ["'null'", "'3'", "'[1]'", "'\"a\"'", "'{\"a\":1e300}'", '\'{"a":"\\ud800"}\'']
_DEEP = "'" + "[" * 3000 + "]" * 3000 + "'"


def _odd_values(column: Any, dialect: str) -> Sequence[str]:
    """Values for a column as SQL; the database may refuse them."""
    of_sqlite = [*_ANYTHING, "NULL"] if dialect == "sqlite" else ["NULL"]
    if column.name == "sync_metadata":
        return [*_JSON, _DEEP, "'{broken'", f"'{{\"a\":{'9' * 5000}}}'", *of_sqlite]
    if column.type.python_type is datetime:
        further = _TIMES_OF_SQLITE if dialect == "sqlite" else _TIMES_OF_POSTGRESQL
        return [*_TIMES, *further, *of_sqlite]
    python_type = column.type.python_type
    if python_type is float:
        return [*_FLOATS, *(_FLOATS_OF_POSTGRESQL if dialect != "sqlite" else []), *of_sqlite]
    if python_type is int:
        return [*_WHOLE, *of_sqlite]
    if python_type is bool:
        return ["true", "false", "2", *of_sqlite]
    return [
        *(word.replace("chr", "char" if dialect == "sqlite" else "chr") for word in _WORDS),
        *of_sqlite,
    ]


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")})


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_database_url)
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def client(config: Configuration, engine: Engine) -> FlaskClient:
    context = WebContext(config, engine, Access(None))
    return create_app(context, CollectorRegistry()).test_client()


def _write_odd_rows(engine: Engine) -> None:
    """Write a row that has ended, and one that runs, for each value that the database takes."""
    start = time.time() - 7200
    spoilt: list[tuple[str, str, str]] = []
    runs = []
    for column in metrics_table.columns:
        if column.name in ("id", "sync_task_id"):
            continue
        for number, value in enumerate(_odd_values(column, engine.dialect.name)):
            name = f"{column.name}-{number}"
            runs.append(snapshot(name, start_time=start, sync_type=column.name))
            runs.append(running(f"{name}-running", start_time=start, heartbeat=start))
            spoilt += [(name, column.name, value), (f"{name}-running", column.name, value)]
    write(engine, *runs)
    with engine.begin() as connection:
        for each in spoilt:
            _spoil(connection, *each)


def _spoil(connection: Connection, name: str, column: str, value: str) -> None:
    statement = f"UPDATE {TABLE} SET {column} = {value} WHERE sync_task_id = '{name}'"
    with suppress(DBAPIError), connection.begin_nested():  # the database may refuse such a value
        connection.exec_driver_sql(statement)


def _paths(zones: Sequence[str]) -> Iterator[str]:
    """All endpoints; the zone of days matters most where there are many days."""
    for days, its_zones in ((1, zones[:1]), (3660, zones)):
        for exact in ("false", "true"):
            yield f"summary?days={days}&exact={exact}"
            for zone in its_zones:
                yield f"performance?days={days}&exact={exact}&tz={zone}"
        yield f"user/42/summary?days={days}"
        yield f"freshness?days={days}"
        yield f"failed?days={days}&limit=500"
        yield f"suspect?days={days}&limit=500"
    yield from _filtered_lists_and_series(zones)
    yield "recent?limit=500"
    yield "user/42/syncs?limit=500"
    yield "quota"


def _filtered_lists_and_series(zones: Sequence[str]) -> Iterator[str]:
    for form in ("json", "csv", "ndjson"):
        yield f"runs?limit=500&format={form}"
    yield "runs?limit=500&host=sync-1&max_duration=1h"
    yield "runs?from=0001-01-01&to=9999-12-31&status=success&sync_type=host"
    yield "runs?error_type=a&course_id=3&user_id=42&suspect=true"
    yield "runs/facets"
    yield "runs/facets?status=success&host=sync-1"
    yield "running?limit=500"
    every = "from=0002-01-01&to=9999-12-30"
    for period, its_zones in (("days=1", zones[:1]), ("days=3660", zones), (every, zones)):
        yield f"errors/top?{period}"
        for zone in its_zones:
            yield f"series?{period}&by=status&tz={zone}"
            yield f"errors/series?{period}&tz={zone}"


_HISTORIES = [f"sync/{number}/history" for number in range(1, 400, 7)]
"""Rollups change nothing in them."""


def _every_run(client: FlaskClient) -> int:
    """Read every run on its own; tells how many there are."""
    number = 1
    while (answer := client.get(f"{API}/sync/{number}")).status_code == 200:
        number += 1
    assert answer.status_code == 404, answer.get_json()
    return number - 1


def _require_answers(
    client: FlaskClient, *further: str, zones: Sequence[str] = _ZONES[1:2]
) -> None:
    problems = {}
    for path in (*_paths(zones), *further):
        answer = client.get(f"{API}/{path}")
        if answer.status_code != 200:
            problems[path] = answer.get_json()
    assert problems == {}


def test_whatever_a_row_holds_every_endpoint_answers_and_the_rollups_go_on(
    config: Configuration, engine: Engine, client: FlaskClient
) -> None:
    _write_odd_rows(engine)
    rows = _every_run(client)
    _require_answers(client, *_HISTORIES, zones=_ZONES)
    roll_up = RollUp(engine)
    deadline = time.monotonic() + 60
    while roll_up.advance():
        assert time.monotonic() < deadline, "the rollups come to no end"
    assert waiting(engine) == Waiting(0, 0)
    _require_answers(client, zones=_ZONES)
    InterruptedRuns(engine, config.app, config.exporter.interrupted_after_seconds).close()
    flag_suspect_runs(engine, config.app)
    _require_answers(client, *_HISTORIES)
    assert client.get(f"{API}/summary?days=3660").get_json()["runs"]["total"] <= rows
    roll_up.advance()
    delete_old_runs(engine, config.exporter.run_days)
    _require_answers(client)


def test_lists_come_to_an_end_whatever_the_starts_are(engine: Engine, client: FlaskClient) -> None:
    further = _TIMES_OF_SQLITE if engine.dialect.name == "sqlite" else _TIMES_OF_POSTGRESQL
    names = [f"even-{number}" for number in range(3)]
    write(engine, *map(snapshot, names))
    for number, value in enumerate([*_TIMES, *further]):
        write(engine, snapshot(f"odd-{number}"))
        with engine.begin() as connection:
            _spoil(connection, f"odd-{number}", "sync_start_time", value)
    seen: list[str] = []
    query = "limit=1"
    while True:
        page = client.get(f"{API}/recent?{query}").get_json()
        seen += [run["sync_task_id"] for run in page["items"]]
        assert len(seen) == len(set(seen))
        if page["next"] is None:
            break
        query = f"limit=1&cursor={page['next']}"
    assert set(names) <= set(seen)
