"""A run goes along into threads and executors, by ``carry_run`` where Python does not do it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import context as otel_context

from canvas_sync_instrumentation import CanvasSyncMetricsTracker, carry_run, continue_trace
from canvas_sync_instrumentation.run.active_run import current_run
from canvas_sync_instrumentation.testing import recorded_events


@pytest.fixture(autouse=True)
def _recorded() -> Iterator[None]:
    with recorded_events():
        yield


def task_here() -> str | None:
    position = current_run()
    return None if position is None else position.context.task_id


def by_thread(function: Callable[[], str | None]) -> str | None:
    answers: list[str | None] = []

    def work() -> None:
        answers.append(function())

    thread = threading.Thread(target=carry_run(work))
    thread.start()
    thread.join()
    return answers[0]


def by_pool(function: Callable[[], str | None]) -> str | None:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(carry_run(function)).result()


def by_map(function: Callable[[], str | None]) -> str | None:
    def work(_: int) -> str | None:
        return function()

    with ThreadPoolExecutor(2) as pool:
        (answer,) = set(pool.map(carry_run(work), range(8)))
        return answer


def by_loop(function: Callable[[], str | None]) -> str | None:
    async def main() -> str | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, carry_run(function))

    return asyncio.run(main())


def by_to_thread(function: Callable[[], str | None]) -> str | None:
    return asyncio.run(asyncio.to_thread(function))


@pytest.mark.parametrize("carried", [by_thread, by_pool, by_map, by_loop, by_to_thread])
def test_a_task_runs_in_the_run_that_sent_it(
    carried: Callable[[Callable[[], str | None]], str | None],
) -> None:
    with CanvasSyncMetricsTracker("t-1", 42):
        assert carried(task_here) == "t-1"
    assert carried(task_here) is None


def test_a_thread_of_a_pool_forgets_the_run_that_it_was_given() -> None:
    with ThreadPoolExecutor(1) as pool, CanvasSyncMetricsTracker("t-1", 42):
        assert pool.submit(carry_run(task_here)).result() == "t-1"
        assert pool.submit(task_here).result() is None


@pytest.mark.parametrize("headers", [None, "text", {"traceparent": 5}, {7: b"x"}, [("a", b"x")]])
def test_headers_without_a_trace_never_stop_the_task(headers: Any) -> None:
    before = otel_context.get_current()
    with continue_trace(headers):
        assert otel_context.get_current() == before
