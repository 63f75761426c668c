"""What all records share."""

from __future__ import annotations

import json
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from canvas_sync_core.events import ApiCall
from canvas_sync_core.logs.records.maker import RecordMaker
from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import COMMON_FIELDS
from support.logged_events import CALL, Sinks


def test_a_call_outside_a_run_keeps_the_common_fields(sinks: Sinks) -> None:
    content = sinks.written(structs.replace(CALL, context=None), "json")[Log.API_CALLS]
    record = json.loads(content)
    assert list(record)[: len(COMMON_FIELDS)] == list(COMMON_FIELDS)
    assert (record["task_id"], record["user_id"], record["trace_id"]) == (None, None, None)


def test_microseconds_are_there_when_they_are_zero(sinks: Sinks) -> None:
    content = sinks.written(structs.replace(CALL, time=1766398531.0), "json")[Log.API_CALLS]
    assert content.startswith(b'{"timestamp":"2025-12-22T10:15:31.000000Z",')


@given(moment=st.floats(0, 4e9))
def test_any_moment_becomes_rfc_3339_with_microseconds(moment: float) -> None:
    record = RecordMaker("worker-1").rules[ApiCall].make(structs.replace(CALL, time=moment))
    assert record is not None
    decoded = datetime.fromisoformat(record.timestamp)
    assert abs(decoded.timestamp() - moment) < 0.000002
    assert len(record.timestamp) == len("2025-12-22T10:15:30.123456Z")
