"""Events and records of the logs belong together."""

from __future__ import annotations

import pytest

from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import (
    COMMON_FIELDS,
    LOG_EVENTS,
    Record,
    events_of,
    fields_of,
)


def test_each_record_is_of_one_event() -> None:
    records = [event.record for event in LOG_EVENTS.values()]
    assert len(set(records)) == len(records)
    assert set(records) == set(Record.__subclasses__())


def test_a_line_begins_with_its_time_by_which_readers_find_it() -> None:
    assert COMMON_FIELDS[0] == "timestamp"


@pytest.mark.parametrize("log", Log)
def test_each_log_has_events_and_the_common_fields_first(log: Log) -> None:
    assert events_of(log)
    assert fields_of(log)[: len(COMMON_FIELDS)] == COMMON_FIELDS
    assert len(set(fields_of(log))) == len(fields_of(log))
