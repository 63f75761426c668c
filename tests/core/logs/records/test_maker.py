"""Records: their fields and levels."""

from __future__ import annotations

import json

import pytest
from msgspec import structs

from canvas_sync_core.events import ErrorRecorded, ItemCounts, ItemsRecorded, RunEnded, ServerTime
from canvas_sync_core.logs.records.maker import RecordMaker
from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import COMMON_FIELDS, LOG_EVENTS, events_of, fields_of
from canvas_sync_exporter.logs.human_lines import text_fields
from support.logged_events import (
    ALL_DEBUG,
    CALL,
    CASES,
    CONTEXT,
    DETAILED,
    FAILURE,
    SNAPSHOT,
    STATED,
    TIME,
    Case,
    Sinks,
)


def test_the_listed_fields_and_events_are_those_that_are_written(sinks: Sinks) -> None:
    rich = structs.replace(
        CALL,
        status_code=None,
        error_class="other",
        throttled=True,
        auth_failure="forbidden",
        retries=1,
        backoff=0.5,
        cost=1.0,
        rate_limit_remaining=2.0,
        request_context_id="id",
        is_page=True,
        message="no",
        token="3f2a91c0",
        token_expired_at=TIME,
        server_time=ServerTime(0.1, 0.2, 0.3, 0.4),
        graphql_operation="Courses",
        graphql_errors=1,
        received_items=0,
        received_bytes=2,
    )
    stepped = structs.replace(
        SNAPSHOT,
        step="courses",
        error=FAILURE,
        request_context_id="id",
        api_truncated=1,
        api_wait_seconds=2.0,
        api_items=0,
        api_bytes=2,
    )
    events = [
        *[case.event for case in CASES],
        ErrorRecorded(CONTEXT, TIME, "api", FAILURE, "b5ac-11"),
        rich,
        structs.replace(rich, status_code=500),
        RunEnded(CONTEXT, TIME, stepped),
        ItemsRecorded(CONTEXT, TIME, "course", ItemCounts(), inferred=True),
        DETAILED,
        STATED,
    ]
    fields: dict[Log, set[str]] = {log: set() for log in Log}
    names: dict[Log, set[str]] = {log: set() for log in Log}
    for event in events:
        for log, content in sinks.written(event, "json", ALL_DEBUG).items():
            for record in map(json.loads, content.splitlines()):
                assert list(record)[: len(COMMON_FIELDS)] == list(COMMON_FIELDS)
                read_back = text_fields(log, record["message"]) or {}
                assert read_back["event"] == record["event"]
                known = {name for name, value in read_back.items() if value is not None}
                assert known <= set(LOG_EVENTS[record["event"]].record.__struct_fields__)
                fields[log] |= set(record)
                names[log].add(record["event"])
    assert fields == {log: set(fields_of(log)) for log in Log}
    assert names == {log: set(events_of(log)) for log in Log}


@pytest.mark.parametrize("case", CASES)
def test_an_event_is_chosen_by_the_level_of_its_line(case: Case) -> None:
    maker = RecordMaker("worker-1").rules[type(case.event)]
    record = maker.make(case.event)
    assert record is not None
    assert record.level == maker.level(case.event)
