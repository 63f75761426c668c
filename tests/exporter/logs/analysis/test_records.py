"""No field of a line is overlooked: the analysis reads it, or it is said here why not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from canvas_sync_core.logs.records import LOG_FIELDS
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.records import (
    ApiRecord,
    ApiRecordOfRun,
    DbRecord,
    DbRecordOfRun,
    ErrorRecord,
    ProgressRecord,
    Record,
    RunRecord,
)

READERS: Mapping[Log, tuple[type[Record], ...]] = {
    Log.OPERATIONS: (RunRecord,),
    Log.API_CALLS: (ApiRecord, ApiRecordOfRun),
    Log.DATABASE: (DbRecord, DbRecordOfRun),
    Log.ERRORS: (ErrorRecord,),
    Log.PROGRESS: (ProgressRecord,),
}

SHOWN_BY_SEARCH = {"level", "log", "message", "trace_id", "span_id", "host", "pid"}
"""To be looked up for a single line."""
OF_THE_RUN = {"course_id", "sync_type"}
"""The lines of a run say so."""
IN_OTHER_LINES = {
    *("progress", "items", "item", "processed", "created", "updated", "unchanged", "failed"),
    *("api_calls", "api_failed", "api_throttled", "api_retried", "api_seconds"),
    *("api_truncated", "api_wait_seconds", "api_items", "api_bytes"),
    *("db_operations", "db_failed", "db_seconds"),
}
"""Sums of a run, which the report makes anew from all lines of its period, or the table keeps."""
OF_A_CLEANUP = {"files", "archives_deleted", "reclaimed_bytes"}

NOT_READ: Mapping[Log, set[str]] = {
    Log.OPERATIONS: {
        *(SHOWN_BY_SEARCH | {"course_id"} | IN_OTHER_LINES | OF_A_CLEANUP),
        *("canvas_host", "request_context_id", "inferred"),
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
    Log.DATABASE: SHOWN_BY_SEARCH | OF_THE_RUN | {"batch", "error_type", "statement"},
    Log.ERRORS: (SHOWN_BY_SEARCH | {"sync_type", "request_context_id"}),
    Log.PROGRESS: SHOWN_BY_SEARCH | OF_THE_RUN,
}


@pytest.mark.parametrize("log", Log)
def test_each_field_of_a_line_is_read_or_known_not_to_be(log: Log) -> None:
    known = {name for reader in READERS[log] for name in reader.__struct_fields__}
    assert known | NOT_READ[log] == set(LOG_FIELDS[log])
    assert not known & NOT_READ[log]
