"""``@track_sync``: a call is a run, and the function behaves as if it were not decorated."""

from __future__ import annotations

import asyncio
import gc
import inspect
import traceback
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from canvas_sync_core.events import Event, RunEnded, RunSnapshot
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, current_tracker, track_sync
from canvas_sync_instrumentation.decorator import is_tracked
from canvas_sync_instrumentation.run.active_run import current_run
from canvas_sync_instrumentation.testing import recorded_events


@pytest.fixture(autouse=True)
def events() -> Iterator[list[Event]]:
    with recorded_events() as recorded:
        yield recorded


def ended(events: list[Event]) -> list[RunSnapshot]:
    return [event.snapshot for event in events if isinstance(event, RunEnded)]


def statuses(events: list[Event]) -> list[str]:
    return [str(run.status) for run in ended(events)]


def task_here() -> str | None:
    position = current_run()
    return None if position is None else position.context.task_id


class Broken(Exception):  # noqa: N818 - short
    """What the functions below raise."""


def test_each_call_is_a_run_with_what_its_arguments_say(events: list[Event]) -> None:
    @track_sync(sync_type="incremental", task_id_from="job")
    def sync(job: str, user_id: int, course_id: int | None = 7) -> str:
        return f"{job} for {user_id}"

    assert sync("job-1", 42) == "job-1 for 42"
    assert sync(user_id=43, job="job-2", course_id=None) == "job-2 for 43"
    assert [
        (run.task_id, run.user_id, run.course_id, run.sync_type, str(run.status))
        for run in ended(events)
    ] == [
        ("job-1", 42, 7, "incremental", "success"),
        ("job-2", 43, None, "incremental", "success"),
    ]


def test_without_arguments_a_call_is_a_run_with_an_id_of_its_own(events: list[Event]) -> None:
    @track_sync
    def nightly() -> str | None:
        return task_here()

    inside = [nightly(), nightly()]
    assert [run.task_id for run in ended(events)] == inside
    assert inside[0] != inside[1]
    assert all(name is not None and name.startswith("nightly-") for name in inside)
    assert task_here() is None


def test_the_function_tells_of_its_run_by_the_current_tracker(events: list[Event]) -> None:
    @track_sync
    def sync(user_id: int) -> None:
        run = current_tracker()
        assert run is not None
        with run.step("courses"):
            run.record_course(3, created=True)
        run.complete_partial("No access to 2 courses")

    sync(42)
    (run,) = ended(events)
    assert (run.status, run.items["course"].created) == ("partial", 3)
    assert current_tracker() is None


def test_an_argument_may_stand_among_further_keywords(events: list[Event]) -> None:
    @track_sync(user_id_from="canvas_user")
    def sync(**options: Any) -> None: ...

    sync(canvas_user=42)
    sync()
    assert [run.user_id for run in ended(events)] == [42, None]


def test_an_argument_that_the_function_does_not_have_is_named_at_once() -> None:
    with pytest.raises(TypeError, match="sync has no argument 'user'; its arguments: job"):

        @track_sync(user_id_from="user")
        def sync(job: str) -> None: ...


def test_a_call_with_wrong_arguments_fails_as_without_the_decorator(events: list[Event]) -> None:
    @track_sync
    def sync(user_id: int) -> None: ...

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'user_id'"):
        sync()  # type: ignore[call-arg]  # on purpose
    assert statuses(events) == ["failed"]


def test_the_decorated_function_is_still_of_its_kind() -> None:
    @track_sync
    def plain(user_id: int) -> None:
        """Sync."""

    @track_sync
    def generator() -> Iterator[int]:
        yield 1

    @track_sync
    async def coroutine() -> None: ...

    @track_sync
    async def async_generator() -> AsyncIterator[int]:
        yield 1

    assert (plain.__name__, plain.__doc__) == ("plain", "Sync.")
    assert list(inspect.signature(plain).parameters) == ["user_id"]
    assert inspect.isgeneratorfunction(generator)
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isasyncgenfunction(async_generator)
    assert all(map(is_tracked, (plain, generator, coroutine, async_generator)))
    assert not is_tracked(task_here)


class Service:
    def __init__(self) -> None:
        self.seen: list[int] = []

    @track_sync
    def sync(self, user_id: int) -> None:
        self.seen.append(user_id)


def test_a_method_can_be_decorated(events: list[Event]) -> None:
    service = Service()
    service.sync(42)
    assert service.seen == [42]
    assert ended(events)[0].user_id == 42


# Exceptions

ERROR = Broken("disk full")


def fail() -> None:
    raise ERROR


def fail_in_generator() -> Iterator[int]:
    yield 1
    raise ERROR


async def fail_in_coroutine() -> None:
    await asyncio.sleep(0)
    raise ERROR


async def fail_in_async_generator() -> AsyncIterator[int]:
    yield 1
    raise ERROR


async def _drain(values: AsyncIterator[int]) -> None:
    async for _ in values:
        pass


CALLS: dict[Any, Callable[[Any], Any]] = {
    fail: lambda function: function(),
    fail_in_generator: lambda function: list(function()),
    fail_in_coroutine: lambda function: asyncio.run(function()),
    fail_in_async_generator: lambda function: asyncio.run(_drain(function())),
}


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_an_exception_is_the_same_object_with_one_more_line_in_its_traceback(
    function: Callable[[], Any], events: list[Event]
) -> None:
    lines: list[list[str]] = []
    for called in (function, track_sync(function)):
        ERROR.__traceback__ = ERROR.__context__ = None
        with pytest.raises(Broken) as raised:
            CALLS[function](called)
        assert raised.value is ERROR
        assert ERROR.__context__ is None
        lines.append([frame.name for frame in traceback.extract_tb(ERROR.__traceback__)])
    assert [name for name in lines[1] if name != "tracked"] == lines[0]
    assert lines[1].count("tracked") == 1
    assert statuses(events) == ["failed"]
    error = ended(events)[0].error
    assert error is not None
    assert (error.error_type, error.message) == ("Broken", "disk full")


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "cancelled"), (SystemExit(3), "failed"), (SystemExit(0), "success")],
)
def test_the_end_of_the_process_ends_the_run(
    error: BaseException, status: str, events: list[Event]
) -> None:
    @track_sync
    def sync() -> None:
        raise error

    with pytest.raises(type(error)):
        sync()
    assert statuses(events) == [status]


# Generators


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


def test_what_a_closed_generator_said_of_its_run_stands(events: list[Event]) -> None:
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


def test_a_generator_that_does_not_obey_close_is_told_so_as_before() -> None:
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


def test_an_error_leaves_no_cycle_behind() -> None:
    @track_sync
    def sync() -> Generator[int, None, None]:
        yield 1

    def throw() -> weakref.ref[Broken]:
        generator = sync()
        next(generator)
        try:
            generator.throw(Broken())
        except Broken as error:
            return weakref.ref(error)
        raise AssertionError("nothing was raised")

    gc.collect()
    gc.disable()
    try:
        assert throw()() is None
    finally:
        gc.enable()


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


# Coroutines


def test_coroutines_at_once_are_runs_beside_each_other(events: list[Event]) -> None:
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


# Asynchronous generators


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
        kept.append(generator)

    kept: list[Any] = []
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

        task = asyncio.create_task(_drain(sync()))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert statuses(events) == ["cancelled"]
