"""What a tracker's calls turn into, and how it meets misuse."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from canvas_sync_core.errors import TrackerMisuseError
from canvas_sync_core.events import (
    ErrorRecorded,
    Event,
    Heartbeat,
    ItemCounts,
    ItemsRecorded,
    Progressed,
    RunEnded,
    RunStarted,
    StepEnded,
    StepStarted,
)
from canvas_sync_core.names import RunStatus
from canvas_sync_core.settings import Settings
from canvas_sync_instrumentation.monitor import Monitor, pinned
from canvas_sync_instrumentation.open_sinks import Sinks
from canvas_sync_instrumentation.outputs.spans import SpanSink
from canvas_sync_instrumentation.propagation import carry_run, continue_trace, trace_headers
from canvas_sync_instrumentation.run.active_run import current_run
from canvas_sync_instrumentation.testing import FixedClock, recorded_events
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.tracked_runs import clock, ended, events, only

__all__ = ["clock", "events"]


@pytest.fixture
def without_tracing() -> Iterator[None]:
    with pinned(Monitor(Settings(strict=True), Sinks(SpanSink()))):
        yield


@pytest.fixture
def production_events(clock: FixedClock) -> Iterator[list[Event]]:
    with recorded_events(clock, strict=False) as recorded:
        yield recorded


def test_leaving_the_block_ends_the_run_as_success(events: list[Event], clock: FixedClock) -> None:
    with CanvasSyncMetricsTracker("t1", 42, sync_type="incremental", course_id=7):
        clock.advance(2.5)
    (started,) = only(RunStarted, events)
    assert started.snapshot.status is RunStatus.RUNNING
    run = ended(events).snapshot
    assert (run.status, run.duration, run.progress) == (RunStatus.SUCCESS, 2.5, 100.0)
    assert (run.task_id, run.user_id, run.course_id, run.sync_type) == ("t1", 42, 7, "incremental")
    assert run.start_time == started.time
    assert run.end_time == started.time + 2.5


def test_an_exception_ends_the_run_as_failed_and_goes_on_unchanged(events: list[Event]) -> None:
    with (
        pytest.raises(LookupError, match="gone"),
        CanvasSyncMetricsTracker("t1", 42),
    ):
        raise LookupError("gone")
    run = ended(events).snapshot
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert (run.error.error_type, run.error.message) == ("LookupError", "gone")
    (error,) = only(ErrorRecorded, events)
    assert error.operation == "run"


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (KeyboardInterrupt(), RunStatus.CANCELLED),
        (asyncio.CancelledError(), RunStatus.CANCELLED),
        (SystemExit(0), RunStatus.SUCCESS),
        (SystemExit(3), RunStatus.FAILED),
    ],
)
def test_each_way_out_of_the_block_has_its_status(
    events: list[Event], raised: BaseException, status: RunStatus
) -> None:
    with pytest.raises(type(raised)), CanvasSyncMetricsTracker("t1", 42):
        raise raised
    assert ended(events).snapshot.status is status


@pytest.mark.parametrize(
    ("complete", "status"),
    [
        (lambda run: run.complete_success(), RunStatus.SUCCESS),
        (lambda run: run.complete_partial("two courses were locked"), RunStatus.PARTIAL),
        (lambda run: run.complete_failure(ValueError("bad")), RunStatus.FAILED),
        (lambda run: run.complete_failure("bad"), RunStatus.FAILED),
        (lambda run: run.complete_cancelled(), RunStatus.CANCELLED),
    ],
)
def test_plain_calls_end_a_run_without_a_block(
    events: list[Event],
    complete: Callable[[CanvasSyncMetricsTracker], None],
    status: RunStatus,
) -> None:
    run = CanvasSyncMetricsTracker("t1", 42)
    assert current_run() is not None
    complete(run)
    assert ended(events).snapshot.status is status
    assert run.status is status
    assert current_run() is None


def test_a_run_completed_inside_its_block_is_not_completed_again(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.complete_partial("one course was locked")
    snapshot = ended(events).snapshot
    assert snapshot.status is RunStatus.PARTIAL
    assert snapshot.error is not None
    assert snapshot.error.message == "one course was locked"


def test_an_error_after_the_end_is_recorded_and_does_not_change_the_end(
    events: list[Event],
) -> None:
    with pytest.raises(OSError, match="late"), CanvasSyncMetricsTracker("t1", 42) as run:
        run.complete_success()
        raise OSError("late")
    assert ended(events).snapshot.status is RunStatus.SUCCESS
    assert [event.error.error_type for event in only(ErrorRecorded, events)] == ["OSError"]


@pytest.mark.parametrize(
    "item", ["course", "assignment", "submission", "grade", "user", "enrollment"]
)
def test_each_item_is_counted_by_what_happened_to_it(events: list[Event], item: str) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        record = getattr(run, f"record_{item}")
        record(created=True)
        record(3, updated=True)
        record(5, unchanged=True)
        record(2, failed=True)
        record(4)
    expected = ItemCounts(processed=15, created=1, updated=3, unchanged=5, failed=2)
    assert ended(events).snapshot.items[item] == expected
    assert [event.counts.processed for event in only(ItemsRecorded, events)] == [1, 3, 5, 2, 4]


def test_progress_is_reported_with_a_heartbeat_at_most_every_second(
    events: list[Event], clock: FixedClock
) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.progress(10, "Processing courses")
        clock.advance(1.0)
        run.progress(20)
        run.progress(30)
        assert [event.percent for event in only(Progressed, events)] == [0.0, 10.0, 20.0, 30.0]
        assert [beat.snapshot.progress for beat in only(Heartbeat, events)] == [20.0]


def test_start_and_end_of_a_run_are_progress_too(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t1", 42):
        pass
    CanvasSyncMetricsTracker("t2", 42).complete_cancelled()
    progress = [(event.percent, event.message) for event in only(Progressed, events)]
    assert progress == [
        (0.0, "Started"),
        (100.0, "Ended: success"),
        (0.0, "Started"),
        (0.0, "Ended: cancelled"),
    ]


def test_a_step_has_a_span_of_its_own_and_steps_nest(
    events: list[Event], clock: FixedClock
) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        with run.step("courses"):
            clock.advance(1)
            with pytest.raises(KeyError), run.step("one course"):
                clock.advance(2)
                raise KeyError("7")
        run.record_error("late")
    names = [event.name for event in only(StepStarted, events)]
    assert names == ["courses", "one course"]
    inner, outer = only(StepEnded, events)
    assert (inner.name, inner.duration) == ("one course", 2)
    assert inner.error is not None
    assert inner.error.error_type == "KeyError"
    assert (outer.name, outer.duration, outer.error) == ("courses", 3, None)
    assert ended(events).snapshot.step is None


def test_an_inner_run_hides_the_outer_one_until_it_ends(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("outer", 42):
        with CanvasSyncMetricsTracker("inner", 42) as inner:
            position = current_run()
            assert position is not None
            assert position.context.task_id == inner.task_id
        position = current_run()
        assert position is not None
        assert position.context.task_id == "outer"
    assert [event.snapshot.task_id for event in only(RunEnded, events)] == ["inner", "outer"]


def test_an_executor_sees_the_run_only_when_it_is_carried(events: list[Event]) -> None:
    def seen() -> str | None:
        position = current_run()
        return None if position is None else position.context.task_id

    with CanvasSyncMetricsTracker("t1", 42), ThreadPoolExecutor(2) as pool:
        assert pool.submit(seen).result() is None
        carried = carry_run(seen)
        assert [future.result() for future in [pool.submit(carried) for _ in range(5)]] == [
            "t1"
        ] * 5


@pytest.mark.usefixtures("without_tracing")
@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_process_without_tracing_passes_on_the_trace_that_it_was_given(flags: str) -> None:
    """With the decision of whoever began it."""
    headers = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-{flags}"}
    with continue_trace(headers), CanvasSyncMetricsTracker("task", 42) as run:
        assert trace_headers() == headers
        with run.step("courses"):
            assert trace_headers() == headers
    assert run.trace_id == "ab" * 16


@pytest.mark.usefixtures("without_tracing")
def test_a_process_without_tracing_decides_nothing_for_those_that_have_it() -> None:
    """An unsampled ``traceparent`` would switch the trace of the task off."""
    assert trace_headers() == {}
    with CanvasSyncMetricsTracker("producer", 42) as producer:
        headers = trace_headers()
    assert headers == {}
    with continue_trace(headers), CanvasSyncMetricsTracker("consumer", 42) as consumer:
        pass
    with (
        continue_trace({"traceparent": "nonsense"}),
        CanvasSyncMetricsTracker("other", 42) as other,
    ):
        pass
    assert len({run.trace_id for run in (producer, consumer, other)}) == 3


def test_an_error_that_cannot_be_printed_still_ends_the_run_as_failed(events: list[Event]) -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(SilentError), CanvasSyncMetricsTracker("t1", 42):
        raise SilentError
    assert ended(events).snapshot.status is RunStatus.FAILED


AFTER_THE_END: list[Callable[[CanvasSyncMetricsTracker], object]] = [
    lambda run: run.complete_success(),
    lambda run: run.complete_failure("again"),
    lambda run: run.record_course(),
    lambda run: run.record_api_call("GET", "/api/v1/courses", 200),
    lambda run: run.record_db_operation("CREATE", "Course"),
    lambda run: run.progress(50),
    lambda run: run.step("late").__enter__(),
]


@pytest.mark.parametrize("call", AFTER_THE_END)
def test_what_comes_after_the_end_is_a_clear_error_in_tests(
    events: list[Event], call: Callable[[CanvasSyncMetricsTracker], object]
) -> None:
    run = CanvasSyncMetricsTracker("t1", 42)
    run.complete_success()
    with pytest.raises(TrackerMisuseError, match="'t1' has already ended as success"):
        call(run)


@pytest.mark.parametrize("call", AFTER_THE_END)
def test_what_comes_after_the_end_changes_nothing_in_production(
    production_events: list[Event], call: Callable[[CanvasSyncMetricsTracker], object]
) -> None:
    run = CanvasSyncMetricsTracker("t1", 42)
    run.complete_cancelled()
    before = list(production_events)
    call(run)
    assert production_events == before


def test_a_failure_inside_never_reaches_the_sync(
    production_events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("hostile")

    with CanvasSyncMetricsTracker("t1", 42, metadata={"x": Hostile()}) as run:
        run.record_error(Hostile())  # type: ignore[arg-type]
        run.record_course(1, craeted=True)  # type: ignore[call-arg]
        run.progress("half")  # type: ignore[arg-type]
    assert ended(production_events).snapshot.status is RunStatus.SUCCESS
    assert any("the sync continues" in record.message for record in caplog.records)


def test_a_forked_child_leaves_its_parents_run_alone(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            run.complete_failure("in the child")
            os.write(write_end, str(run.status).encode())
            os._exit(0)
        os.close(write_end)
        assert os.read(read_end, 100) == b"running"
        os.close(read_end)
        os.waitpid(child, 0)
    assert ended(events).snapshot.status is RunStatus.SUCCESS


def test_open_runs_are_interrupted_when_the_process_ends() -> None:
    with recorded_events() as events:
        run = CanvasSyncMetricsTracker("t1", 42)
    assert run.status is RunStatus.INTERRUPTED
    assert ended(events).snapshot.error is not None
    assert sys.exc_info() == (None, None, None)
