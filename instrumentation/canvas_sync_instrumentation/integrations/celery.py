"""Makes each Celery task that is marked as a sync a run.

It uses Celery's signals, which every pool sends around a task, so no method of Celery is replaced.
The run's id is the task's id: retries and redeliveries are further attempts of the same run.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakSet

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.names import RunStatus
from canvas_sync_instrumentation.monitor import get_monitor, hook_recorder, shutdown
from canvas_sync_instrumentation.propagation import trace_headers
from canvas_sync_instrumentation.run.active_run import current_run
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["canvas_sync_task", "instrument_celery", "uninstrument_celery"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__canvas_sync_task__"
_REQUEST_RUN: Final = "canvas_sync_run"
_SENDER: Final = "canvas_sync"
"""The message header with the user and course of the task."""
_TRACE: Final = ("traceparent", "tracestate")
_LIMIT_SLACK: Final = 1.0
"""Tolerance in seconds: a worker measures from when it hands a task to a child."""

_recorder = hook_recorder()
_signature = lru_cache(inspect.signature)


@dataclass(frozen=True, slots=True)
class _Sync:
    """The arguments of :func:`canvas_sync_task`: tracker argument -> argument of the task."""

    sync_type: str
    arguments: Mapping[str, str]

    def ids(self, run: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
        """Find user and course among a task's arguments."""
        try:
            bound = _signature(run).bind(*args, **kwargs)
        except TypeError as error:
            raise_if_asynchronous(error)
            return {}  # the call itself will raise the error
        bound.apply_defaults()
        given = {**bound.kwargs, **bound.arguments}
        return {field: given[name] for field, name in self.arguments.items() if name in given}


def canvas_sync_task(
    *,
    sync_type: str = "full",
    user_id_from: str | None = None,
    course_id_from: str | None = None,
) -> Callable[[F], F]:
    """Mark the function of a Celery task as a sync; put ``@app.task`` above this decorator.

    If a task has no argument for the user or the course, or its value is None, those of the run in
    which the task was sent are used.

    Args:
        sync_type: A short word such as ``full`` or ``incremental``; it becomes a metric label.
        user_id_from: Name of the argument with the Canvas id of the user; by default ``user_id``.
        course_id_from: Name of the argument with the Canvas id of the course; by default
            ``course_id``.

    Raises:
        TypeError: It decorates something other than a function, such as a task.
    """
    arguments = {
        "user_id": user_id_from or "user_id",
        "course_id": course_id_from or "course_id",
    }

    def mark(function: F) -> F:
        if type(function) is not FunctionType:
            raise TypeError("Put @canvas_sync_task below @app.task, right above the function.")
        setattr(function, _MARK, _Sync(sync_type, arguments))
        return function

    return mark


def instrument_celery(app: Celery | None = None) -> None:
    """Make each task of ``app`` that is marked with :func:`canvas_sync_task` a run.

    Call it where the app is created, so that it takes effect in senders and in all workers. It
    works with any pool. Calling it again has no effect.

    Args:
        app: The app; None means all apps of the process.

    Raises:
        ImportError: Celery is not installed.
    """
    from celery import signals  # noqa: PLC0415 - may not be installed

    _apps.add(_EVERY_APP if app is None else app)
    for signal, receiver in _receivers(signals):
        signal.connect(receiver, weak=False, dispatch_uid=receiver.__qualname__)


def uninstrument_celery(app: Celery | None = None) -> None:
    """Undo :func:`instrument_celery` with the same argument."""
    watched = _EVERY_APP if app is None else app
    if watched not in _apps:
        return
    _apps.discard(watched)
    if not _apps:
        from celery import signals  # noqa: PLC0415 - may not be installed

        for signal, receiver in _receivers(signals):
            signal.disconnect(receiver, dispatch_uid=receiver.__qualname__)


class _EveryApp:
    """Stands for all apps."""


_EVERY_APP: Final = _EveryApp()
_apps: Final[WeakSet[Celery | _EveryApp]] = WeakSet()


def _receivers(signals: Any) -> list[tuple[Any, Callable[..., None]]]:
    return [
        (signals.before_task_publish, _on_publish),
        (signals.worker_init, _on_worker_init),
        (signals.task_prerun, _on_start),
        (signals.task_postrun, _on_end),
        (signals.task_revoked, _on_revoked),
        (signals.worker_process_shutdown, _on_process_end),
    ]


def _on_publish(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Add the sender's trace, user and course to a task's message.

    A retry keeps the trace that its task was sent with.
    """
    with _recorder.handle_internal_errors():
        if headers is not None:
            headers.update(_sender_ids())
            for name, value in _trace_here().items():
                headers.setdefault(name, value)


def _on_worker_init(**_: Any) -> None:
    """Import everything before the pool forks, so that no child has to."""
    get_monitor()


def _on_start(task: Any, args: Any, kwargs: Any, **_: Any) -> None:
    start = time.monotonic()
    with _recorder.handle_internal_errors():
        sync = _sync_of(task)
        if sync is not None:
            tracker = _begin(task, sync, task.request, args, kwargs).__enter__()
            setattr(task.request, _REQUEST_RUN, _Attempt(tracker, start))


def _on_end(task: Any, retval: Any, state: str | None, **_: Any) -> None:
    with _recorder.handle_internal_errors():
        attempt: _Attempt | None = task.request.get(_REQUEST_RUN)
        if attempt is not None:
            error = _finish_attempt(task, attempt, retval, state)
            attempt.tracker.__exit__(None if error is None else type(error), error, None)


def _on_revoked(sender: Any, request: Any, terminated: bool, **_: Any) -> None:
    """End the run of a task that is revoked between two attempts, if it has had one."""
    with _recorder.handle_internal_errors():
        sync = _sync_of(sender)
        if sync is not None and request.retries and not terminated:
            args, kwargs = request.args or (), request.kwargs or {}
            _begin(sender, sync, request, args, kwargs).complete_cancelled()


def _on_process_end(**_: Any) -> None:
    """Deliver pending data, because pool children end with ``os._exit``."""
    shutdown()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt in progress, with its monotonic start time."""

    tracker: CanvasSyncMetricsTracker
    start: float


def _sync_of(task: Any) -> _Sync | None:
    if task.app not in _apps and _EVERY_APP not in _apps:
        return None
    return getattr(task.run, _MARK, None)


class _TaskTracker(CanvasSyncMetricsTracker):
    """The tracker of a task, whose id recurs only with the same task."""

    _is_redeliverable = True


def _begin(
    task: Any, sync: _Sync, request: Any, args: Any, kwargs: Any
) -> CanvasSyncMetricsTracker:
    sender = request.get(_SENDER) or {}
    ids = sync.ids(task.run, args, kwargs)
    user_id, course_id = (
        ids.get(name) if ids.get(name) is not None else sender.get(name)
        for name in ("user_id", "course_id")
    )
    headers = {name: value for name in _TRACE if (value := request.get(name))}
    return _TaskTracker(
        request.id,
        user_id,
        sync_type=sync.sync_type,
        course_id=course_id,
        metadata={"celery": _origin(task, request)},
        linked_to=headers,
    )


def _origin(task: Any, request: Any) -> dict[str, Any]:
    delivery, parent_id = request.get("delivery_info") or {}, request.get("parent_id")
    return {
        "task": task.name,
        "try": (request.get("retries") or 0) + 1,
        "redelivered": bool(delivery.get("redelivered")),
        "parent_id": None if parent_id == request.id else parent_id,  # a retry's is the task
    }


def _finish_attempt(
    task: Any, attempt: _Attempt, retval: Any, state: str | None
) -> BaseException | None:
    """End an attempt according to its outcome in Celery; return the error that ends its run."""
    run = attempt.tracker
    if state is None:  # no Exception but one of those that end a process
        return _error_of_ended_process(task, attempt, sys.exception())
    if state == "FAILURE":
        return retval if isinstance(retval, BaseException) else RuntimeError(str(retval))
    if run.status is not RunStatus.RUNNING:
        return None
    if state == "RETRY":
        run.retry_later(retval.exc or str(retval), seconds=_seconds_until(retval.when))
    elif state == "REJECTED" and retval.requeue:
        run.retry_later(str(retval.reason or "rejected"))
    elif state == "REJECTED":
        run.complete_failure(str(retval.reason or "rejected"))
    elif state == "IGNORED":
        run.complete_cancelled()
    return None


def _error_of_ended_process(
    task: Any, attempt: _Attempt, error: BaseException | None
) -> BaseException | None:
    """Return the error of a task whose process is ending; None after cancelling its run.

    A negative exit code is billiard's sign that the worker ended this child process itself: because
    of a time limit, or because the task was revoked.
    """
    code = error.code if isinstance(error, SystemExit) else None
    ended_by_worker = isinstance(code, int) and code < 0
    if not ended_by_worker or attempt.tracker.status is not RunStatus.RUNNING:
        return error
    from celery.exceptions import TimeLimitExceeded  # noqa: PLC0415 - may not be installed

    limit = (task.request.timelimit or (None,))[0] or task.time_limit
    if limit and time.monotonic() - attempt.start >= limit - min(_LIMIT_SLACK, limit / 2):
        passed: BaseException = TimeLimitExceeded(limit)
        return passed
    attempt.tracker.complete_cancelled()
    return None


def _seconds_until(when: Any) -> float:
    """Read the ``when`` of a retry: seconds, a time, or None."""
    if isinstance(when, datetime):
        return max(0.0, when.timestamp() - time.time())
    return float(when or 0.0)


def _trace_here() -> dict[str, str]:
    headers = trace_headers()
    if not headers:
        TraceContextTextMapPropagator().inject(headers)
    return headers


def _sender_ids() -> dict[str, Any]:
    current = current_run()
    if current is None:
        return {}
    context = current.context
    return {_SENDER: {"user_id": context.user_id, "course_id": context.course_id}}
