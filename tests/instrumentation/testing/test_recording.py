"""A test of an app sees what its sync recorded, the same each time, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy import create_engine, text

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.names import RunStatus
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    TrackerMisuseError,
    configure,
    init_app,
    instrument_requests,
    instrument_sqlalchemy,
    shutdown,
)
from canvas_sync_instrumentation.monitor import current_monitor
from canvas_sync_instrumentation.testing import FixedClock, Recording, recording
from support.http_answers import Answer, answering


@pytest.fixture
def recorded() -> Iterator[Recording]:
    with recording(FixedClock()) as inside:
        yield inside


def test_runs_calls_operations_errors_and_spans_are_there_to_look_at(recorded: Recording) -> None:
    engine = create_engine("sqlite://")
    instrument_requests()
    instrument_sqlalchemy(engine)
    with answering() as canvas, CanvasSyncMetricsTracker("nightly-1", 42) as run:
        canvas.answers["/api/v1/courses"] = [Answer(500, body="")]
        requests.get(f"{canvas.url}/api/v1/courses", timeout=60)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE courses (id INTEGER)"))
        run.record_course(3, created=True)
    engine.dispose()

    (row,) = recorded.runs
    assert (row.task_id, row.status, row.items["course"].created) == ("nightly-1", "success", 3)
    assert [call.status_code for call in recorded.api_calls] == [500]
    assert [operation.table for operation in recorded.db_operations] == ["courses"]
    assert [error.operation for error in recorded.errors] == ["api"]
    assert [span.name for span in recorded.spans][-1] == "canvas.sync"
    assert {span.context.trace_id for span in recorded.spans} == {1}


def test_spans_say_nothing_of_the_machine_and_the_process(recorded: Recording) -> None:
    with CanvasSyncMetricsTracker("t-1", 42):
        pass
    assert [dict(span.resource.attributes) for span in recorded.spans] == [{}]


def test_a_run_is_there_once_however_far_it_is(recorded: Recording) -> None:
    with CanvasSyncMetricsTracker("t-1", 42):
        assert [run.status for run in recorded.runs] == ["running"]
        with CanvasSyncMetricsTracker("t-2", 42):
            pass
    assert [(run.task_id, run.status) for run in recorded.runs] == [
        ("t-1", "success"),
        ("t-2", "success"),
    ]


def test_time_stands_still_until_it_is_moved_and_ids_count() -> None:
    clock = FixedClock(1_767_225_600.0)
    with recording(clock) as recorded:
        for task_id in ("t-1", "t-2"):
            with CanvasSyncMetricsTracker(task_id, 42):
                clock.advance(90)
    assert [(run.start_time, run.duration) for run in recorded.runs] == [
        (1_767_225_600.0, 90.0),
        (1_767_225_690.0, 90.0),
    ]
    assert [run.trace_id for run in recorded.runs] == [f"{1:032x}", f"{2:032x}"]


def test_nothing_is_written(recorded: Recording, tmp_path: Path) -> None:
    with CanvasSyncMetricsTracker("t-1", 42):
        pass
    shutdown()
    assert list(tmp_path.iterdir()) == []


def test_an_app_that_is_set_up_inside_is_recorded_too(recorded: Recording, tmp_path: Path) -> None:
    app = Flask("sync")
    app.config["CANVAS_SYNC_LOG_DIR"] = str(tmp_path / "of the app")
    init_app(app)
    configure(log_dir=tmp_path / "configured")
    with CanvasSyncMetricsTracker("t-1", 42):
        pass
    shutdown()  # as a job does at its end
    with CanvasSyncMetricsTracker("t-2", 42):
        pass
    assert [run.task_id for run in recorded.runs] == ["t-1", "t-2"]
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_used_are_still_an_error(recorded: Recording) -> None:
    with pytest.raises(SettingsError, match="CANVAS_SYNC_LOG_FORMAT"):
        configure(environ={"CANVAS_SYNC_LOG_FORMAT": "xml"})


def test_what_recorded_before_goes_on_afterwards(tmp_path: Path) -> None:
    before = configure(log_dir=tmp_path)
    with CanvasSyncMetricsTracker("outer", 42), recording() as recorded:
        assert current_monitor() is not before
    assert recorded.events == []
    assert current_monitor() is before


def test_recordings_nest() -> None:
    with recording() as outer:
        with recording() as inner, CanvasSyncMetricsTracker("inside", 1):
            pass
        with CanvasSyncMetricsTracker("outside", 1):
            pass
    assert [run.task_id for run in inner.runs] == ["inside"]
    assert [run.task_id for run in outer.runs] == ["outside"]


def test_misuse_raises_so_that_a_test_finds_it(recorded: Recording) -> None:
    run = CanvasSyncMetricsTracker("t-1", 42)
    run.complete_success()
    with pytest.raises(TrackerMisuseError):
        run.complete_success()


def test_without_strictness_misuse_is_left_to_the_app() -> None:
    with recording(strict=False) as recorded:
        run = CanvasSyncMetricsTracker("t-1", 42)
        run.complete_success()
        run.complete_success()
    assert [run.status for run in recorded.runs] == ["success"]


def test_runs_with_one_id_are_kept_apart_unless_one_waits_for_the_next() -> None:
    with recording() as recorded:
        for _ in range(2):
            with CanvasSyncMetricsTracker("nightly", 42):
                pass
        CanvasSyncMetricsTracker("task", 42).retry_later("Canvas is away")
        CanvasSyncMetricsTracker("task", 42).complete_success()
    assert [(run.task_id, run.status) for run in recorded.runs] == [
        ("nightly", RunStatus.SUCCESS),
        ("nightly", RunStatus.SUCCESS),
        ("task", RunStatus.SUCCESS),
    ]
