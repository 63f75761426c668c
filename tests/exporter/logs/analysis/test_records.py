"""No field of a line is overlooked: the analysis reads it, or it is said here why not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import LOG_EVENTS, DbRecord, Record
from canvas_sync_exporter.logs.analysis.source_summary import KINDS
from support.log_schema import reader_faults

SHOWN_BY_SEARCH = {"level", "log", "message", "trace_id", "span_id", "host", "pid"}
"""To be looked up for a single line."""
ITEMS = {"item", "processed", "created", "updated", "unchanged", "failed"}
"""Of single lines; the end of the run has the sums."""
OF_THE_RUN = {"course_id", "sync_type"}
"""The lines of a run say so."""
OF_A_CLEANUP = {"files", "archives_deleted", "reclaimed_bytes"}
OF_AN_OUTPUT = {"stream", "text"}
"""For people, who search for the run."""

NOT_READ: Mapping[Log, set[str]] = {
    Log.OPERATIONS: {
        *(SHOWN_BY_SEARCH | ITEMS | OF_A_CLEANUP | OF_AN_OUTPUT),
        *("progress", "api_wait_seconds", "inferred"),
    },
    Log.API_CALLS: {
        *(SHOWN_BY_SEARCH | OF_THE_RUN),
        *("path", "canvas_host", "request_context_id", "error", "auth_failure", "is_page"),
        *("graphql_operation", "token", "token_expired_at", "cost", "rate_limit_remaining"),
        *("queue_seconds", "user_cpu_seconds", "system_cpu_seconds", "database_seconds"),
        *(
            "received_items",
            "received_bytes",
            "wait_seconds",
            "attempt",
            "links",
            "page",
            "per_page",
        ),
    },
    Log.DATABASE: SHOWN_BY_SEARCH
    | OF_THE_RUN
    | {"batch", "error_type", "statement", "elapsed_seconds"},
    Log.ERRORS: (SHOWN_BY_SEARCH | {"sync_type", "request_context_id"}),
    Log.PROGRESS: SHOWN_BY_SEARCH | OF_THE_RUN,
}


def written(log: Log) -> list[type[Record]]:
    return [event.record for event in LOG_EVENTS.values() if event.log is log]


@pytest.mark.parametrize("log", Log)
def test_each_field_of_a_line_is_read_or_known_not_to_be(log: Log) -> None:
    kind = KINDS[log]
    assert reader_faults(kind.record_of_run, written(log), NOT_READ[log]) == []
    of_the_run = set(kind.record_of_run.__struct_fields__) - set(kind.record.__struct_fields__)
    assert of_the_run <= {"task_id", "user_id"}
    assert reader_faults(kind.record, written(log), NOT_READ[log] | of_the_run) == []


def test_a_field_that_the_analysis_does_not_know_is_noticed() -> None:
    class WiderRecord(DbRecord, gc=False):
        plan: str | None = None

    faults = reader_faults(KINDS[Log.DATABASE].record_of_run, [WiderRecord], NOT_READ[Log.DATABASE])
    assert "plan is not known" in faults


def test_a_field_of_another_type_is_noticed() -> None:
    class OtherRecord(DbRecord, gc=False):
        count: str  # type: ignore[assignment] # is what shall be noticed

    faults = reader_faults(KINDS[Log.DATABASE].record_of_run, [OtherRecord], NOT_READ[Log.DATABASE])
    assert [fault for fault in faults if fault.startswith("count is read as")]
