"""``@track_sync`` on generators and coroutines: they are driven as if they were not decorated."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from canvas_sync_core.events import Event
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, current_tracker, track_sync
from support.tracked_functions import Broken, drain, ended, events, statuses, task_here

__all__ = ["events"]


@track_sync
def pages(user_id: int) -> Generator[str | None, Any, str]:
    """Answers what it is sent, until ``stop``; survives ``Broken`` thrown into it."""
    received: Any = None
    while received != "stop":
        try:
            received = yield f"{received} {task_here() is not None}"
        except Broken:
            received = "survived"
    return f"done for {user_id}"


def test_a_generator_is_sent_to_thrown_into_and_returns_as_before(events: list[Event]) -> None:
    generator = pages(42)
    assert next(generator) == "None True"
    assert generator.send("a") == "a True"
    assert generator.throw(Broken()) == "survived True"
    with pytest.raises(StopIteration) as end:
        generator.send("stop")
    assert end.value.value == "done for 42"
    assert statuses(events) == ["success"]


def test_a_generator_can_be_delegated_to() -> None:
    def outer() -> Generator[str | None, Any, str]:
        return (yield from pages(42))

    generator = outer()
    next(generator)
    with pytest.raises(StopIteration) as end:
        generator.send("stop")
    assert end.value.value == "done for 42"


def test_between_two_values_the_caller_is_outside_the_run(events: list[Event]) -> None:
    @track_sync(task_id_from="name")
    def sync(name: str) -> Iterator[str | None]:
        yield task_here()
        with CanvasSyncMetricsTracker(f"{name}-inner", 42):
            yield task_here()
        yield task_here()

    with CanvasSyncMetricsTracker("caller", 42):
        first, second = sync("a"), sync("b")
        seen = []
        for values in zip(first, second, strict=True):
            seen += [*values, task_here()]
    assert seen == ["a", "b", "caller", "a-inner", "b-inner", "caller", "a", "b", "caller"]
    assert task_here() is None
    # zip() has asked the first for a fourth value, and then the second.
    assert [run.task_id for run in ended(events)] == ["a-inner", "b-inner", "a", "b", "caller"]


def test_a_run_begins_with_the_first_value(events: list[Event]) -> None:
    generator = pages(42)
    assert events == []
    next(generator)
    assert events != []
    generator.close()


def test_a_generator_that_is_closed_before_its_end_is_cancelled(events: list[Event]) -> None:
    closed = []

    @track_sync
    def sync() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(task_here())

    for _ in sync():
        break
    gc.collect()
    assert closed == [ended(events)[0].task_id]
    assert statuses(events) == ["cancelled"]


def test_what_a_closed_generator_said_about_its_run_is_kept(events: list[Event]) -> None:
    @track_sync
    def sync() -> Generator[int, None, None]:
        run = current_tracker()
        assert run is not None
        run.complete_partial("Canvas was slow")
        yield 1

    generator = sync()
    next(generator)
    generator.close()
    assert statuses(events) == ["partial"]


def test_a_generator_that_does_not_obey_close_gets_its_error_as_before() -> None:
    @track_sync
    def stubborn() -> Generator[int, None, None]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    generator = stubborn()
    next(generator)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        generator.close()
    generator.close()


def test_a_stop_iteration_in_a_generator_is_a_runtime_error_as_before(events: list[Event]) -> None:
    @track_sync
    def sync() -> Iterator[int]:
        yield next(iter(()))

    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        list(sync())
    assert statuses(events) == ["failed"]


def test_spans_of_a_generator_stay_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)

    @track_sync
    def sync() -> Iterator[int]:
        yield trace.get_current_span().get_span_context().span_id
        with provider.get_tracer("app").start_as_current_span("inner"):
            yield trace.get_current_span().get_span_context().span_id

    with provider.get_tracer("app").start_as_current_span("caller") as caller:
        seen = []
        for inside in sync():
            assert trace.get_current_span() is caller
            seen.append(inside)
    assert 0 not in seen
    assert len({*seen, caller.get_span_context().span_id}) == 3
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_concurrent_coroutines_are_separate_runs(events: list[Event]) -> None:
    barrier = asyncio.Barrier(3)

    @track_sync
    async def sync(task_id: str) -> str | None:
        await barrier.wait()
        return task_here()

    async def main() -> tuple[list[str | None], str | None]:
        return await asyncio.gather(*map(sync, "abc")), task_here()

    assert asyncio.run(main()) == (["a", "b", "c"], None)
    assert statuses(events) == ["success"] * 3


def test_a_cancelled_coroutine_is_a_cancelled_run(events: list[Event]) -> None:
    async def main() -> None:
        started = asyncio.Event()

        @track_sync
        async def sync() -> None:
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(sync())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert statuses(events) == ["cancelled"]


def test_a_coroutine_that_is_closed_is_a_cancelled_run(events: list[Event]) -> None:
    class Never:
        def __await__(self) -> Generator[None, None, None]:
            yield

    @track_sync
    async def sync() -> None:
        await Never()

    coroutine = sync()
    coroutine.send(None)
    coroutine.close()
    assert statuses(events) == ["cancelled"]


@track_sync
async def async_pages() -> AsyncGenerator[str, Any]:
    """Answers what it is sent; survives ``Broken`` thrown into it."""
    received: Any = None
    while received != "stop":
        try:
            await asyncio.sleep(0)
            received = yield f"{received} {task_here() is not None}"
        except Broken:
            received = "survived"


def test_an_async_generator_is_sent_to_and_thrown_into_as_before(events: list[Event]) -> None:
    async def main() -> None:
        generator = async_pages()
        assert await anext(generator) == "None True"
        assert task_here() is None
        assert await generator.asend("a") == "a True"
        assert await generator.athrow(Broken()) == "survived True"
        with pytest.raises(StopAsyncIteration):
            await generator.asend("stop")

    asyncio.run(main())
    assert statuses(events) == ["success"]


def test_an_async_generator_that_the_loop_closes_is_cancelled_with_its_open_step(
    events: list[Event],
) -> None:
    """The loop closes it in another task, and so in another context, than it began in."""
    left: list[str | None] = []

    @track_sync(task_id_from="name")
    async def sync(name: str) -> AsyncIterator[int]:
        with CanvasSyncMetricsTracker(f"{name}-inner", 42) as run, run.step("courses"):
            try:
                yield 1
            finally:
                left.append(task_here())

    async def main() -> None:
        generator = sync("outer")
        await anext(generator)
        generators.append(generator)

    generators: list[Any] = []
    asyncio.run(main())
    assert left == ["outer-inner"]
    assert [run.task_id for run in ended(events)] == ["outer-inner", "outer"]
    assert statuses(events)[1] == "cancelled"


def test_an_async_generator_whose_reader_is_cancelled_is_cancelled(events: list[Event]) -> None:
    async def main() -> None:
        waiting = asyncio.Event()

        @track_sync
        async def sync() -> AsyncIterator[int]:
            waiting.set()
            await asyncio.Event().wait()
            yield 1

        task = asyncio.create_task(drain(sync()))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert statuses(events) == ["cancelled"]
