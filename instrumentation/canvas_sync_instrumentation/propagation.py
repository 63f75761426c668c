"""Carries the current run where Python does not: into threads, executors and task queues."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import TraceFlags

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_instrumentation.run.active_run import current_run
from canvas_sync_instrumentation.run.trace_context import received_trace

__all__ = ["carry_run", "continue_trace", "trace_headers"]

P = ParamSpec("P")
R = TypeVar("R")


def carry_run(function: Callable[P, R]) -> Callable[P, R]:
    """Bind ``function`` to the current run, for a thread or an executor.

    ``executor.submit(carry_run(fetch_course), 7)`` records what ``fetch_course`` does under the
    caller's run. The function may be called several times, even concurrently.
    """
    context = contextvars.copy_context()

    @wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return carried


def trace_headers() -> dict[str, str]:
    """Return the current run's W3C ``traceparent`` (and nothing else) for a task's message.

    A process without tracing passes on the trace that it received. The result is empty outside a
    run, and if there is no trace at all, because an unsampled trace would tell the task's process
    not to record one either. See https://www.w3.org/TR/trace-context/.
    """
    current = current_run()
    if current is None or current.span is None:
        return {}
    span = current.span.span.get_span_context()
    if not span.is_valid:
        return {}
    trace_id, span_id = trace.format_trace_id(span.trace_id), trace.format_span_id(span.span_id)
    return {"traceparent": f"00-{trace_id}-{span_id}-{span.trace_flags & TraceFlags.SAMPLED:02x}"}


@contextlib.contextmanager
def continue_trace(headers: Mapping[str, str]) -> Iterator[None]:
    """Let runs that start inside belong to the trace that :func:`trace_headers` described.

    Args:
        headers: The task's headers, in any case; values may be bytes. Without a valid
            ``traceparent`` this has no effect.
    """
    try:
        parent = received_trace(headers)
    except Exception as error:  # noqa: BLE001 - of the app's own mapping
        raise_if_asynchronous(error)
        parent = otel_context.get_current()
    token = otel_context.attach(parent)
    try:
        yield
    finally:
        otel_context.detach(token)
