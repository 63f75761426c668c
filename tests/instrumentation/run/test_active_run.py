"""In which run code executes, when runs end elsewhere than where they began."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from opentelemetry.trace import StatusCode

from canvas_sync_core.events import (
    ErrorInfo,
    Event,
    Heartbeat,
    ItemCounts,
    ItemsRecorded,
    Progressed,
    RunEnded,
    RunWaiting,
    StepEnded,
)
from canvas_sync_core.names import RunStatus
from canvas_sync_instrumentation.run.active_run import ActiveRun, current_run
from canvas_sync_instrumentation.testing import FixedClock, recorded_events, recording
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker


@pytest.fixture(autouse=True)
def events() -> Iterator[list[Event]]:
    with recorded_events() as events:
        yield events


def _complete_elsewhere(run: CanvasSyncMetricsTracker) -> None:
    thread = threading.Thread(target=run.complete_success)
    thread.start()
    thread.join()


def test_a_run_that_another_thread_ends_gives_way_to_the_one_around_it() -> None:
    with CanvasSyncMetricsTracker("outer", 42):
        _complete_elsewhere(CanvasSyncMetricsTracker("inner", 42))
        position = current_run()
        assert position is not None
        assert position.context.task_id == "outer"
    assert current_run() is None


def test_runs_that_other_threads_end_do_not_pile_up_where_they_began() -> None:
    ended: list[weakref.ref[ActiveRun]] = []
    for number in range(5):
        run = CanvasSyncMetricsTracker(f"run-{number}", 42)
        here = current_run()
        assert here is not None
        ended.append(weakref.ref(here.run))
        del here
        _complete_elsewhere(run)
        del run
    gc.collect()
    assert [ref() is not None for ref in ended] == [False] * 4 + [True]
    assert current_run() is None


class _Call:
    """A call with an answer, of which more may become known."""

    def __init__(self) -> None:
        self.finalized: list[bytes | None] = []

    def finalize(self, body: bytes | None) -> None:
        self.finalized.append(body)


def test_a_call_that_waits_for_its_body_is_recorded_before_its_run_ends() -> None:
    run = CanvasSyncMetricsTracker("nightly-1", 42)
    position = current_run()
    assert position is not None
    call = _Call()
    position.run.unfinished.add(call)
    run.complete_success()
    assert call.finalized == [None]


@pytest.mark.parametrize(
    ("status", "is_error"),
    [
        (RunStatus.SUCCESS, False),
        (RunStatus.PARTIAL, False),
        (RunStatus.CANCELLED, False),
        (RunStatus.FAILED, True),
        (RunStatus.INTERRUPTED, True),
    ],
)
def test_the_span_of_a_run_is_an_error_when_the_run_failed_or_its_process_ended(
    status: RunStatus, *, is_error: bool
) -> None:
    with recording() as recorded:
        CanvasSyncMetricsTracker("nightly-1", 42)
        position = current_run()
        assert position is not None
        error = ErrorInfo("Broken", "no") if is_error else None
        if status is RunStatus.INTERRUPTED:
            position.run.interrupt()
        else:
            position.run.end(status, error)
        (span,) = recorded.spans
    assert (span.status.status_code is StatusCode.ERROR) == is_error
    assert ("error.type" in (span.attributes or {})) == is_error


def test_the_span_of_a_step_ends_with_the_step_and_has_its_error() -> None:
    with recording() as recorded:
        with CanvasSyncMetricsTracker("nightly-1", 42) as run:
            with run.step("courses"):
                assert not recorded.spans
            assert [span.name for span in recorded.spans] == ["canvas.sync.step"]
            with pytest.raises(ValueError, match="no"), run.step("grades"):
                raise ValueError("no")
        well, failed, whole = recorded.spans
    assert (well.status.status_code, failed.status.status_code) == (
        StatusCode.UNSET,
        StatusCode.ERROR,
    )
    assert well.parent is not None
    assert whole.context is not None
    assert well.parent.span_id == whole.context.span_id


def test_a_run_that_waits_says_until_when_and_why(events: list[Event]) -> None:
    CanvasSyncMetricsTracker("nightly-1", 42)
    position = current_run()
    assert position is not None
    error = ErrorInfo("Timeout", "again later")
    assert position.run.hand_over(2e9, error)
    assert not position.run.hand_over(3e9, error)
    (waiting,) = [event for event in events if isinstance(event, RunWaiting)]
    assert waiting.snapshot.heartbeat == 2e9
    assert waiting.snapshot.error == error
    assert waiting.snapshot.status is RunStatus.RUNNING
    assert not [event for event in events if isinstance(event, RunEnded)]


def test_a_run_that_is_ended_twice_is_reported_once(events: list[Event]) -> None:
    CanvasSyncMetricsTracker("once", 42)
    position = current_run()
    assert position is not None
    assert position.run.end(RunStatus.SUCCESS, None)
    assert not position.run.end(RunStatus.FAILED, ErrorInfo("ValueError", "too late"))
    ends = [event for event in events if isinstance(event, RunEnded)]
    assert [event.snapshot.status for event in ends] == [RunStatus.SUCCESS]


@pytest.mark.parametrize(
    ("status", "progress"), [(RunStatus.SUCCESS, 100.0), (RunStatus.FAILED, 40.0)]
)
def test_only_a_run_that_succeeded_ends_at_100_percent(
    events: list[Event], status: RunStatus, progress: float
) -> None:
    CanvasSyncMetricsTracker("progress", 42)
    position = current_run()
    assert position is not None
    position.run.percent = 40.0
    position.run.end(status, None)
    assert [e.snapshot.progress for e in events if isinstance(e, RunEnded)] == [progress]


def test_events_belong_to_the_step_they_happen_in_and_to_no_other_run(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("outer", 42):
        position = current_run()
        assert position is not None
        outer = position.run
        with CanvasSyncMetricsTracker("other", 42) as other, other.step("grades"):
            outer.emit_progress("told by the outer run")
        step = outer.open_step("courses")
        assert step is not None
        outer.emit_progress("in the step")
        outer.emit_items("course", ItemCounts(1))
        outer.close_step(step, None)
        outer.emit_progress("after the step")
    contexts = {each.message: each.context for each in events if isinstance(each, Progressed)}
    assert contexts["told by the outer run"] == contexts["after the step"] == outer.context
    assert contexts["in the step"] == step.context
    assert [each.context for each in events if isinstance(each, ItemsRecorded)] == [step.context]
    assert step.context != outer.context


def test_the_span_of_a_step_is_below_the_step_around_it_or_the_run() -> None:
    with recording() as recorded, CanvasSyncMetricsTracker("nightly-1", 42) as run:
        with run.step("courses"), run.step("grades"):
            pass
        with CanvasSyncMetricsTracker("nightly-2", 42), run.step("users"):
            pass
    grades, courses, users, _, whole = recorded.spans
    parents = [span.parent and span.parent.span_id for span in (grades, courses, users)]
    contexts = [span.context and span.context.span_id for span in (courses, whole, whole)]
    assert parents == contexts
    assert whole.parent is None


def test_a_heartbeat_is_written_at_most_as_often_as_asked(events: list[Event]) -> None:
    CanvasSyncMetricsTracker("nightly-1", 42)
    position = current_run()
    assert position is not None
    position.run.heartbeat(at_most_every=3600)
    assert not [each for each in events if isinstance(each, Heartbeat)]
    position.run.heartbeat()
    (beat,) = [each for each in events if isinstance(each, Heartbeat)]
    assert beat.snapshot.heartbeat == beat.time
    position.run.end(RunStatus.SUCCESS, None)
    position.run.heartbeat()
    assert len([each for each in events if isinstance(each, Heartbeat)]) == 1


class _SetBack(FixedClock):
    """The wall clock is a day behind from now on; time goes on."""

    def time(self) -> float:
        return super().time() - 86_400


def test_heartbeats_go_on_after_the_clock_was_set_back() -> None:
    clock = FixedClock()
    with recording(clock) as recorded, CanvasSyncMetricsTracker("nightly-1", 42):
        position = current_run()
        assert position is not None
        clock.__class__ = _SetBack
        for at_most_every in (0.0, 5.0):
            clock.advance(10)
            position.run.heartbeat(at_most_every)
    beats = [event for event in recorded.events if isinstance(event, Heartbeat)]
    assert len(beats) == 2
    assert {beat.snapshot.heartbeat for beat in beats} == {FixedClock().time()}


def test_a_step_gives_way_to_the_one_around_it(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("nightly-1", 42) as run:
        position = current_run()
        assert position is not None
        steps: list[str | None] = []
        with run.step("courses"):
            with run.step("grades"):
                steps.append(position.run.snapshot(0.0).step)
            steps.append(position.run.snapshot(0.0).step)
        steps.append(position.run.snapshot(0.0).step)
    assert steps == ["grades", "courses", None]
    ended = [(each.name, each.error) for each in events if isinstance(each, StepEnded)]
    assert ended == [("grades", None), ("courses", None)]
