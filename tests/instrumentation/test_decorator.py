"""``@track_sync``: a call is a run, and the function behaves as if it were not decorated."""

from __future__ import annotations

import asyncio
import gc
import inspect
import traceback
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from canvas_sync_core.events import Event
from canvas_sync_instrumentation import current_tracker, track_sync
from canvas_sync_instrumentation.decorator import is_tracked
from support.tracked_functions import Broken, drain, ended, events, statuses, task_here

__all__ = ["events"]


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


def test_the_function_adds_to_its_run_by_the_current_tracker(events: list[Event]) -> None:
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


def test_an_argument_may_be_among_further_keywords(events: list[Event]) -> None:
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


CALLS: dict[Any, Callable[[Any], Any]] = {
    fail: lambda function: function(),
    fail_in_generator: lambda function: list(function()),
    fail_in_coroutine: lambda function: asyncio.run(function()),
    fail_in_async_generator: lambda function: asyncio.run(drain(function())),
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


# Coroutines


# Asynchronous generators
