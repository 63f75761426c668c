"""How moments are stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from canvas_sync_core.names import ITEMS
from canvas_sync_core.store.model import UtcDateTime, metrics_table
from canvas_sync_core.store.rows import write_runs
from support.runs import snapshot

_MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1)).flatmap(
    lambda naive: st.integers(-14 * 60, 14 * 60).map(
        lambda minutes: naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    )
)


@given(_MOMENTS, _MOMENTS)
def test_text_in_sqlite_sorts_in_the_order_of_the_times(one: datetime, other: datetime) -> None:
    kind, dialect = UtcDateTime(), sqlite.dialect()
    first, second = (kind.process_bind_param(each, dialect) for each in (one, other))
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)
    assert kind.process_result_value(first, dialect) == one


def test_sqlite_shows_rfc_3339() -> None:
    bound = UtcDateTime().process_bind_param(
        datetime(2025, 12, 22, 10, 15, 30, tzinfo=UTC), sqlite.dialect()
    )
    assert bound == "2025-12-22T10:15:30.000000Z"


def test_times_come_back_aware_and_in_utc(engine: Engine) -> None:
    write_runs(engine, [snapshot("a", start_time=1_766_398_530.123456)])
    with engine.connect() as connection:
        row = connection.execute(select(metrics_table)).mappings().one()
    assert row["sync_start_time"] == datetime(2025, 12, 22, 10, 15, 30, 123456, tzinfo=UTC)
    assert row["sync_start_time"].utcoffset() == timedelta(0)


def test_the_columns_of_the_contract_are_there() -> None:
    counts = {f"{item}s_{what}" for item in ITEMS for what in ("processed", "created", "updated")}
    failures = {f"{item}s_failed" for item in ITEMS}
    names = {column.name for column in metrics_table.columns}
    assert names == counts | failures | {
        *("id", "sync_task_id", "user_id", "course_id", "sync_type", "canvas_host"),
        *("sync_start_time", "sync_end_time", "duration", "heartbeat"),
        *("sync_status", "progress", "step", "error_type", "error_message"),
        *("api_calls", "api_failed", "api_throttled", "api_retried", "api_seconds"),
        *("db_operations", "db_failed", "db_seconds"),
        *("trace_id", "host", "pid", "sync_metadata"),
        *("request_context_id", "api_truncated", "api_wait_seconds", "suspect", "suspect_reason"),
        *("error_traceback", "api_items", "api_bytes", "telemetry_fault", "clock_skew"),
    }


def test_a_task_id_can_be_in_the_table_once(engine: Engine) -> None:
    write_runs(engine, [snapshot("a")])
    with engine.connect() as connection:
        row = dict(connection.execute(select(metrics_table)).mappings().one())
    del row["id"]
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(metrics_table), row)
