"""In which run code executes, when runs end elsewhere than where they began."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from canvas_sync_instrumentation.events import Event
from canvas_sync_instrumentation.run import Run, current_position
from canvas_sync_instrumentation.testing import recorded_events
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker


@pytest.fixture(autouse=True)
def _events() -> Iterator[list[Event]]:
    with recorded_events() as events:
        yield events


def _complete_elsewhere(run: CanvasSyncMetricsTracker) -> None:
    thread = threading.Thread(target=run.complete_success)
    thread.start()
    thread.join()


def test_a_run_that_another_thread_ends_gives_way_to_the_one_around_it() -> None:
    with CanvasSyncMetricsTracker("outer", 42):
        _complete_elsewhere(CanvasSyncMetricsTracker("inner", 42))
        position = current_position()
        assert position is not None
        assert position.context.task_id == "outer"
    assert current_position() is None


def test_runs_that_other_threads_end_do_not_pile_up_where_they_began() -> None:
    ended: list[weakref.ref[Run]] = []
    for number in range(5):
        run = CanvasSyncMetricsTracker(f"run-{number}", 42)
        here = current_position()
        assert here is not None
        ended.append(weakref.ref(here.run))
        del here
        _complete_elsewhere(run)
        del run
    gc.collect()
    assert [ref() is not None for ref in ended] == [False] * 4 + [True]
    assert current_position() is None
