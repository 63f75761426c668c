"""Records of a run."""

from __future__ import annotations

import json

from msgspec import structs

from canvas_sync_core.events import ItemCounts, Progressed, RunEnded
from canvas_sync_core.names import Log, RunStatus
from support.logged_events import CONTEXT, FAILURE, SNAPSHOT, TIME, Sinks


def test_the_end_of_a_dead_processs_run_names_that_process_and_no_span(sinks: Sinks) -> None:
    """The exporter writes it, which knows the run by its row alone."""
    dead = structs.replace(SNAPSHOT, status=RunStatus.INTERRUPTED, host="worker-2", pid=4711)
    event = RunEnded(structs.replace(CONTEXT, span_id=""), TIME, dead)
    record = json.loads(sinks.written(event, "json")[Log.OPERATIONS])
    assert (record["host"], record["pid"]) == ("worker-2", 4711)
    assert (record["trace_id"], record["span_id"]) == (CONTEXT.trace_id, None)


def test_the_end_of_a_run_reports_its_totals(sinks: Sinks) -> None:
    items = {**SNAPSHOT.items, "course": ItemCounts(12, 2, 9, 1)}
    snapshot = structs.replace(
        SNAPSHOT,
        status=RunStatus.FAILED,
        duration=2.5,
        progress=40.0,
        step="courses",
        error=FAILURE,
        items=items,
        api_calls=7,
        api_seconds=1.25,
        db_operations=3,
    )
    content = sinks.written(RunEnded(CONTEXT, TIME, snapshot), "json")[Log.OPERATIONS]
    record = json.loads(content)
    assert (record["status"], record["duration_seconds"], record["step"]) == (
        "failed",
        2.5,
        "courses",
    )
    assert (record["error_type"], record["error"]) == ("ConnectTimeout", "Connection timeout")
    assert record["items"]["course"] == {
        "processed": 12,
        "created": 2,
        "updated": 9,
        "unchanged": 1,
        "failed": 0,
    }
    assert (record["api_calls"], record["api_failed"], record["api_seconds"]) == (7, 0, 1.25)
    assert (record["db_operations"], record["progress"]) == (3, 40.0)


def test_progress_without_a_message_ends_with_the_percentage(sinks: Sinks) -> None:
    event = Progressed(structs.replace(CONTEXT, task_id="nightly-42"), TIME, 50.0, "")
    content = sinks.written(event, "text")[Log.PROGRESS].decode()
    assert content.partition("] ")[2] == "PROGRESS: Task: nightly-42 - 50%\n"
