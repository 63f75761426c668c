"""Celery tasks as runs, in real workers with a real broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from canvas_sync_core.events import RunEnded
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.runs import RunRow
from canvas_sync_demo.processes import wait_until
from canvas_sync_exporter.jobs.interrupted_runs import InterruptedRuns
from canvas_sync_exporter.settings import configuration
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    canvas_sync_task,
    configure,
    current_tracker,
    instrument_celery,
)
from canvas_sync_instrumentation.integrations.celery import uninstrument_celery
from canvas_sync_instrumentation.testing import recorded_events
from support.celery_workers import Worker, redis, worker
from support.http_answers import Answer, AnswerServer, answering
from support.log_lines import records_in
from support.otlp import OtlpReceiver, attributes_of, http_receiver
from support.prometheus import eventually


@dataclass(frozen=True, slots=True)
class Stage:
    """What tasks run on."""

    broker: str
    canvas: AnswerServer
    receiver: OtlpReceiver


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with redis() as broker, answering() as canvas, http_receiver() as receiver:
        canvas.answers["/api/v1/courses/7"] = [Answer(body='{"id": 7}')]
        for course_id in (8, 9):
            canvas.answers[f"/api/v1/courses/{course_id}"] = [Answer(body="{}")]
        yield Stage(broker, canvas, receiver)


@pytest.fixture(scope="module")
def prefork(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker whose every child ends after one task, past all exit handlers."""
    folder = tmp_path_factory.mktemp("prefork")
    options = ["--pool", "prefork", "--concurrency", "6", "--max-tasks-per-child", "1"]
    with worker(
        folder, stage.broker, stage.canvas.url, *options, environ=stage.receiver.environ
    ) as running:
        yield running
        assert running.stop() == 0
        assert "Signal handler" not in running.output.read_text()


def records(folder: Path, log: str, task_id: str) -> list[dict[str, Any]]:
    file = folder / f"{log}.log"  # made with its first line
    lines = records_in(file) if file.exists() else []
    return [line for line in lines if line["task_id"] == task_id]


def paths(stage: Stage) -> set[str]:
    """Which calls have come to the collector."""
    attributes = [attributes_of(span.attributes) for span in stage.receiver.spans]
    return {str(found.get("url.path")) for found in attributes}


def events_of(running: Worker, task_id: str) -> list[str]:
    return [record["event"] for record in records(running.folder, "operations", task_id)]


def test_a_marked_task_is_a_run_of_its_own(prefork: Worker, stage: Stage) -> None:
    task_id = prefork.send("fetch", user_id=42, course_id=7)
    run = prefork.run(task_id, "success")
    assert (run.user_id, run.course_id, run.sync_type) == (42, 7, "nightly")
    assert (run.api_calls, run.items["courses"].updated) == (1, 1)
    task = {"task": "support.celery_syncs.fetch", "try": 1, "redelivered": False}
    assert run.sync_metadata["celery"] == {**task, "parent_id": None}
    assert run.pid != prefork.process.pid
    (call,) = records(prefork.folder, "api_calls", task_id)
    assert call["trace_id"] == run.trace_id


def test_the_spans_of_a_child_that_is_recycled_at_once_are_delivered(
    prefork: Worker, stage: Stage
) -> None:
    run = prefork.run(prefork.send("fetch", user_id=43), "success")

    def names() -> bool:
        spans = [s for s in stage.receiver.spans if s.trace_id.hex() == run.trace_id]
        return {span.name for span in spans} == {"canvas.sync", "GET /api/v1/courses/:id"}

    eventually(names, "both spans")


def test_a_call_outside_any_run_is_delivered_too(prefork: Worker, stage: Stage) -> None:
    task_id = prefork.send("no_sync", course_id=8)
    eventually(lambda: "/api/v1/courses/8" in paths(stage), "the span of the call")
    assert prefork.row(task_id) is None


def test_an_exception_fails_the_run(prefork: Worker) -> None:
    run = prefork.run(prefork.send("fail", who=42), "failed")
    assert run.user_id == 42
    assert (run.error_type, run.error_message) == ("ValueError", "no such course")


def test_a_retry_is_not_a_failed_run(prefork: Worker) -> None:
    task_id = prefork.send("flaky", user_id=42)
    run = prefork.run(task_id, "success")
    assert run.sync_metadata["celery"]["try"] == 2
    assert run.error_type is None
    # The next try is begun by another process, maybe before this one has told that it waits.
    seen = sorted(["run_started", "run_waiting", "run_started", "run_ended"])
    eventually(lambda: sorted(events_of(prefork, task_id)) == seen, "the lines of both tries")
    (error,) = records(prefork.folder, "errors", task_id)
    assert (error["operation"], error["error_type"]) == ("retry", "ConnectionError")


def test_a_run_between_two_attempts_is_running_until_the_next_is_missed(prefork: Worker) -> None:
    task_id = prefork.send("postpone", user_id=42, seconds=3600)

    def waiting() -> RunRow | None:
        run = prefork.row(task_id)
        return run if run is not None and run.error_type else None

    run = eventually(waiting, "the run that waits")
    assert (run.sync_status, run.error_type) == ("running", "ConnectionError")
    assert run.heartbeat - run.sync_start_time >= dt.timedelta(hours=1)


def test_revoking_a_task_between_two_attempts_cancels_its_run(prefork: Worker) -> None:
    task_id = prefork.send("postpone", user_id=42, seconds=1)
    eventually(lambda: "run_waiting" in events_of(prefork, task_id), "the retry")
    prefork.client.control.revoke(task_id)
    assert prefork.run(task_id, "cancelled").user_id == 42


def test_a_task_terminated_before_its_time_limit_is_cancelled(prefork: Worker) -> None:
    kwargs = {"user_id": 42}
    task_id = prefork.client.send_task(
        "support.celery_syncs.hang", kwargs=kwargs, time_limit=600
    ).id
    eventually(lambda: records(prefork.folder, "api_calls", task_id), "the call")
    prefork.client.control.revoke(task_id, terminate=True)
    assert prefork.run(task_id, "cancelled").api_calls == 1


@pytest.mark.parametrize(
    ("limit", "error"),
    [("soft_time_limit", "SoftTimeLimitExceeded"), ("time_limit", "TimeLimitExceeded")],
)
def test_a_time_limit_fails_the_run(prefork: Worker, limit: str, error: str) -> None:
    """The next limit counts where a busy machine reached one before the run began or could end.

    Celery kills a process a tenth of a second after it has told it to end.
    """
    for seconds in (5, 20, 80):
        sent = prefork.client.send_task(
            "support.celery_syncs.hang", kwargs={"user_id": 42}, **{limit: seconds}
        )
        message = f"exceeded for support.celery_syncs.hang[{sent.id}]"
        eventually(lambda message=message: message in prefork.output.read_text(), "the limit")  # type: ignore[misc]
        if wait_until(lambda task_id=sent.id: has_failed(prefork, task_id), 30):  # type: ignore[misc]
            break
    assert prefork.run(sent.id, "failed").error_type == error


def has_failed(worker: Worker, task_id: str) -> bool:
    """Whether a task's run has failed."""
    run = worker.row(task_id)
    return run is not None and run.sync_status == "failed"


def test_a_redelivered_task_is_one_run(prefork: Worker) -> None:
    """Its first child is killed, and another one does it again."""
    task_id = prefork.send("killed", user_id=42)
    run = prefork.run(task_id, "success")
    assert run.sync_metadata["celery"]["redelivered"] is True
    assert events_of(prefork, task_id) == ["run_started", "run_started", "run_ended"]
    assert len(records(prefork.folder, "api_calls", task_id)) == 2


def test_the_run_of_a_killed_child_is_closed_as_interrupted(prefork: Worker) -> None:
    task_id = prefork.send("lost", user_id=42)
    eventually(lambda: "run_started" in events_of(prefork, task_id), "the start")
    config = configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(prefork.folder),
            "CANVAS_SYNC_HEARTBEAT_SECONDS": "1",
            "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": "3",
        }
    )
    engine = open_engine(config.app.resolved_database_url)
    interrupted_runs = InterruptedRuns(
        engine, config.app, config.exporter.interrupted_after_seconds
    )
    eventually(
        lambda: any(run.sync_task_id == task_id for run in interrupted_runs.close()), "the end"
    )
    engine.dispose()
    assert prefork.run(task_id, "interrupted").user_id == 42


def test_a_task_sent_in_a_run_is_for_the_same_user(prefork: Worker) -> None:
    sender = prefork.send("send_another", user_id=42, course_id=7)
    prefork.run(sender, "success")
    log = prefork.folder / "operations.log"

    def child() -> str | None:
        found = {
            line["task_id"]
            for line in records_in(log)
            if (line["user_id"], line["course_id"]) == (42, 7)
        }
        rows = [row for task_id in found if (row := prefork.row(task_id))]
        ids = [r.sync_task_id for r in rows if r.sync_metadata["celery"]["parent_id"] == sender]
        return ids[0] if ids else None

    run = prefork.run(eventually(child, "the task that it sent"), "success")
    assert (run.user_id, run.course_id) == (42, 7)


def test_the_run_is_linked_to_what_sent_the_task(prefork: Worker, stage: Stage) -> None:
    configure(environ={"CANVAS_SYNC_LOG_DIR": str(prefork.folder), **stage.receiver.environ})
    instrument_celery(prefork.client)
    try:
        with CanvasSyncMetricsTracker("sender", 42) as sender:
            task_id = prefork.send("inherit")
    finally:
        uninstrument_celery(prefork.client)
    run = prefork.run(task_id, "success")
    assert run.user_id == 42
    assert run.trace_id != sender.trace_id

    def linked() -> list[str]:
        spans = [s for s in stage.receiver.spans if s.trace_id.hex() == run.trace_id]
        return [link.trace_id.hex() for span in spans for link in span.links]

    assert eventually(linked, "the span") == [sender.trace_id]


def test_the_hook_does_not_need_to_know_the_app(stage: Stage, tmp_path: Path) -> None:
    environ = {**stage.receiver.environ, "INSTRUMENT_EVERY_APP": "1"}
    options = ["--pool", "solo", "--queues", "every-app"]
    with worker(tmp_path, stage.broker, stage.canvas.url, *options, environ=environ) as running:
        running.client.conf.task_default_queue = "every-app"
        sync, other = running.send("fetch", user_id=1), running.send("no_sync", course_id=8)
        assert running.run(sync, "success").sync_type == "nightly"
        log = running.folder / "api_calls.log"
        eventually(lambda: "/api/v1/courses/8" in log.read_text(), "the other task's call")
        assert running.row(other) is None
        assert running.stop() == 0


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_other_pools_record_the_same(stage: Stage, tmp_path: Path, pool: str) -> None:
    """The worker is stopped while nothing but its exit would deliver the last span."""
    options = ["--pool", pool, "--concurrency", "2", "--queues", pool]
    with worker(
        tmp_path, stage.broker, stage.canvas.url, *options, environ=stage.receiver.environ
    ) as running:
        running.client.conf.task_default_queue = pool
        fine, flaky, failing = (
            running.send("fetch", user_id=1),
            running.send("flaky", user_id=2),
            running.send("fail", who=3),
        )
        assert running.run(fine, "success").api_calls == 1
        assert running.run(flaky, "success").sync_metadata["celery"]["try"] == 2
        assert running.run(failing, "failed").user_id == 3
        running.send("no_sync", course_id=9)
        log = running.folder / "api_calls.log"
        eventually(lambda: "/api/v1/courses/9" in log.read_text(), "the call outside a run")
        assert running.stop() == 0
        assert "Signal handler" not in running.output.read_text()
    assert "/api/v1/courses/9" in paths(stage)


def test_a_task_that_runs_at_once_is_a_run_too() -> None:
    """As in the tests of an app; what the task says itself about its end stands."""
    app = Celery(task_always_eager=True, task_eager_propagates=True)
    instrument_celery(app)

    @app.task  # type: ignore[untyped-decorator]  # Celery has no types
    @canvas_sync_task(sync_type="nightly")
    def sync(user_id: int) -> None:
        run = current_tracker()
        assert run is not None
        run.complete_partial("one course is missing")

    with recorded_events() as events:
        sync.delay(42)
    (ended,) = [event for event in events if isinstance(event, RunEnded)]
    assert (ended.context.user_id, ended.snapshot.status) == (42, "partial")
    assert current_tracker() is None
    uninstrument_celery(app)


def test_the_mark_belongs_below_the_task() -> None:
    app = Celery()
    with pytest.raises(TypeError, match="below @app"):
        canvas_sync_task()(app.task(lambda: None))
