"""Times in the table are aware, in UTC, and readable whatever another program wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.base import PGDialect

from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.statistics import sum_of
from canvas_sync_core.store.stored_times import LATEST
from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime
from support.runs import snapshot, write

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored", "read", "sorted_"),
    [
        (None, None, None),
        ("2025-12-22T12:00:00.000000Z", _NOON, _NOON),
        ("2025-12-22T13:00:00+01:00", _NOON, _NOON + timedelta(hours=1, microseconds=-1)),
        ("2025-12-22T12:00:00", _NOON, _NOON - timedelta(microseconds=1)),
        ("never", LATEST, LATEST),
    ],
)
def test_a_time_that_sqlite_has_in_another_format_is_read_as_what_it_says_or_sorts(
    stored: str | None, read: datetime | None, sorted_: datetime | None
) -> None:
    assert UtcDateTime().process_result_value(stored, sqlite.dialect()) == read
    found = UtcSortedTime().process_result_value(stored, sqlite.dialect())
    if stored is not None and "+" in stored:
        assert found is not None
        assert found < _NOON + timedelta(hours=1)
    else:
        assert found == sorted_


def test_each_database_gets_a_time_in_its_own_form() -> None:
    local = _NOON.astimezone(timezone(timedelta(hours=1)))
    dialects = sqlite.dialect(), PGDialect()  # type: ignore[no-untyped-call] # it has no types
    bound: list[Any] = [
        UtcDateTime().process_bind_param(value, dialect)
        for dialect in dialects
        for value in (local, None)
    ]
    assert bound == ["2025-12-22T12:00:00.000000Z", None, local, None]


def test_statements_with_times_and_sums_are_compiled_once(emptied_engine: Engine) -> None:
    write(emptied_engine, snapshot("a", start_time=_NOON.timestamp()))
    columns = metrics_table.c
    compiled: dict[Any, Any] = {}
    with emptied_engine.execution_options(compiled_cache=compiled).connect() as connection:
        for moment in (_NOON, _NOON + timedelta(seconds=1)):
            statement = select(columns.sync_start_time, sum_of(columns.api_calls))
            grouped = statement.where(columns.heartbeat >= _NOON).group_by(columns.sync_start_time)
            rows = connection.execute(grouped.where(columns.sync_start_time >= moment)).all()
            assert [row[0] for row in rows] == ([_NOON] if moment == _NOON else [])
    assert len(compiled) == 1
