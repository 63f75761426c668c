"""``@track_sync``: each call of a function is a sync run.

A generator is a run from its first value to its last. Between two values the caller's code
executes, which is not part of the run: the run is entered for each value and left after it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar, cast, overload

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.identifiers import random_hex
from canvas_sync_core.names import RunStatus
from canvas_sync_instrumentation.run.active_run import SavedContext

from .tracker import CanvasSyncMetricsTracker

__all__ = ["is_tracked", "track_sync"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__canvas_sync_tracked__"


@overload
def track_sync(function: F, /) -> F: ...


@overload
def track_sync(
    *,
    sync_type: str = "full",
    task_id_from: str | None = None,
    user_id_from: str | None = None,
    course_id_from: str | None = None,
) -> Callable[[F], F]: ...


def track_sync(
    function: F | None = None,
    /,
    *,
    sync_type: str = "full",
    task_id_from: str | None = None,
    user_id_from: str | None = None,
    course_id_from: str | None = None,
) -> F | Callable[[F], F]:
    """Make each call of a function a run; return values and exceptions are unchanged.

    Functions, generators, asynchronous functions and asynchronous generators may be decorated. A
    return ends the run as ``success``, an exception as ``failed``; cancellation, Ctrl-C and closing
    an unfinished generator end it as ``cancelled``.

    Args:
        function: The function, when the decorator is used without parentheses.
        sync_type: A short word such as ``full`` or ``incremental``; it becomes a metric label.
        task_id_from: Name of the function's argument with the run's id, which must be unique over
            all runs; by default ``task_id``. Without such an argument, an id is generated.
        user_id_from: Name of the argument with the Canvas id of the user; by default ``user_id``,
            if there is one.
        course_id_from: Name of the argument with the Canvas id of the course; by default
            ``course_id``, if there is one.

    Raises:
        TypeError: The function has no argument of the given name.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        sources = {"task_id": task_id_from, "user_id": user_id_from, "course_id": course_id_from}
        for name in filter(None, sources.values()):
            _check(function, signature, name)
        named = {field: name or field for field, name in sources.items()}
        tracked = _wrapped(function, _RunStarter(_name(function), signature, sync_type, named))
        return cast("F", tracked)

    return decorate if function is None else decorate(function)


def is_tracked(function: Any) -> bool:
    """Return whether each call of ``function`` is a run: :func:`track_sync` has decorated it."""
    return getattr(function, _MARK, False) is True


@dataclass(frozen=True, slots=True)
class _RunStarter:
    """Starts the run of a call.

    Attributes:
        names: Argument of the tracker -> argument of the function.
    """

    function: str
    signature: inspect.Signature
    sync_type: str
    names: dict[str, str]

    def __call__(self, args: Any, kwargs: Any) -> CanvasSyncMetricsTracker:
        given = self._arguments(args, kwargs)
        values = {field: given.get(name) for field, name in self.names.items()}
        task_id = values["task_id"]
        return CanvasSyncMetricsTracker(
            f"{self.function}-{random_hex(16)}" if task_id is None else task_id,
            values["user_id"],
            course_id=values["course_id"],
            sync_type=self.sync_type,
        )

    def _arguments(self, args: Any, kwargs: Any) -> dict[str, Any]:
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise_if_asynchronous(error)
            return {}  # the call itself will raise the error
        bound.apply_defaults()
        further: dict[str, Any] = bound.arguments.get(_keywords(self.signature) or "", {})
        return {**further, **bound.arguments}


class _GeneratorRun:
    """The run of a generator: a context manager that is entered again for each of its values.

    It saves the run's context whenever the generator pauses and the caller's whenever it resumes,
    because both change meanwhile: a step may start or end between two values.
    """

    def __init__(self, start: _RunStarter, args: Any, kwargs: Any) -> None:
        outside = self._outside = SavedContext.current()
        self._run = start(args, kwargs).__enter__()
        self._inside = SavedContext.current()
        outside.enter()

    def __enter__(self) -> None:
        self._outside = SavedContext.current()
        self._inside.enter()

    def __exit__(self, *_: object) -> None:
        self._inside = SavedContext.current()
        self._outside.enter()

    def end(self, error: BaseException | None) -> None:
        """End the run with the exception that left the generator; None for its normal end."""
        with self:
            if issubclass(type(error), GeneratorExit):
                _cancel(self._run)
            self._run.__exit__(None if error is None else type(error), error, None)


def _cancel(run: CanvasSyncMetricsTracker) -> None:
    """End the run of an unfinished generator that was closed, unless it has set its status."""
    if run.status is RunStatus.RUNNING:
        run.complete_cancelled()


def _wrapped(function: Any, start: _RunStarter) -> Any:
    for is_kind, wrap in (
        (inspect.isasyncgenfunction, _async_generator),
        (inspect.isgeneratorfunction, _generator),
        (inspect.iscoroutinefunction, _coroutine),
    ):
        if is_kind(function):
            tracked = wrap(function, start)
            break
    else:
        tracked = _plain(function, start)
    setattr(tracked, _MARK, True)
    return tracked


def _plain(function: Callable[..., Any], start: _RunStarter) -> Callable[..., Any]:
    @wraps(function)
    def tracked(*args: Any, **kwargs: Any) -> Any:
        with start(args, kwargs):
            return function(*args, **kwargs)

    return tracked


def _coroutine(function: Callable[..., Any], start: _RunStarter) -> Callable[..., Any]:
    @wraps(function)
    async def tracked(*args: Any, **kwargs: Any) -> Any:
        with start(args, kwargs) as run:
            try:
                return await function(*args, **kwargs)
            except GeneratorExit:
                _cancel(run)
                raise

    return tracked


def _generator(
    function: Callable[..., Generator[Any, Any, Any]], start: _RunStarter
) -> Callable[..., Generator[Any, Any, Any]]:
    @wraps(function)
    def tracked(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        run = _GeneratorRun(start, args, kwargs)
        argument: Any = None
        try:
            generator = function(*args, **kwargs)
            advance = generator.send
            while True:
                with run:
                    value = advance(argument)
                try:
                    argument = yield value
                    advance = generator.send
                except BaseException as thrown:  # noqa: BLE001 - the generator's to handle
                    argument, advance = thrown, generator.throw
        except StopIteration as end:
            run.end(None)
            return end.value
        except BaseException as error:
            run.end(error)
            raise
        finally:
            del argument  # avoid a reference cycle from the error through this frame

    return tracked


def _async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], start: _RunStarter
) -> Callable[..., AsyncGenerator[Any, Any]]:
    @wraps(function)
    async def tracked(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        run = _GeneratorRun(start, args, kwargs)
        step: Any = None
        try:
            generator = function(*args, **kwargs)
            step = _first_step(generator)
            while True:
                with run:
                    value = await step
                try:
                    step = generator.asend((yield value))
                except BaseException as thrown:  # noqa: BLE001 - the generator's to handle
                    step = generator.athrow(thrown)
        except StopAsyncIteration:
            run.end(None)
        except BaseException as error:
            run.end(error)
            raise
        finally:
            del step  # as above

    return tracked


def _first_step(generator: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
    """Start an inner generator without the event loop's hooks, which close generators at its end.

    The loop knows the outer one. If it closed both, it could do so in the wrong order.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _check(function: Callable[..., Any], signature: inspect.Signature, name: str) -> None:
    if name not in signature.parameters and _keywords(signature) is None:
        known = ", ".join(signature.parameters) or "none"
        raise TypeError(
            f"track_sync: {_name(function)} has no argument {name!r}; its arguments: {known}."
        )


def _keywords(signature: inspect.Signature) -> str | None:
    kinds = {parameter.kind: name for name, parameter in signature.parameters.items()}
    return kinds.get(inspect.Parameter.VAR_KEYWORD)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)
