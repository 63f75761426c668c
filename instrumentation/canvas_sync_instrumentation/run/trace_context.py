"""How a run fits into its trace: its ids, its parent span and its links to other spans."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link

from canvas_sync_core.events import RunContext
from canvas_sync_instrumentation.outputs.spans import OpenSpan, new_ids

__all__ = [
    "new_identity",
    "received_trace",
    "remote_parent",
    "trace_links",
    "traced",
    "with_current",
]


def new_identity(
    task_id: str, user_id: int | None, course_id: int | None, sync_type: str
) -> RunContext:
    """Return the context of a run whose span has not started, with a new trace id."""
    return RunContext(task_id, user_id, course_id, sync_type, *new_ids(), sampled=False)


def trace_links(headers: Mapping[str, str]) -> list[Link]:
    """Return a link to the span that W3C trace headers describe; none if they are unusable."""
    if not headers:
        return []
    remote = received_trace(headers, otel_context.Context())
    span = trace.get_current_span(remote).get_span_context()
    return [Link(span)] if span.is_valid else []


def received_trace(
    headers: Mapping[str, str], around: otel_context.Context | None = None
) -> otel_context.Context:
    """Return a context with the span that W3C trace headers describe.

    Web frameworks capitalize the names of headers, and message brokers deliver bytes.

    Args:
        headers: The headers; without a valid ``traceparent``, nothing is added.
        around: What the span is added to; by default the current context.
    """
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - most runs get none
        TraceContextTextMapPropagator,
    )

    pairs = [(_decoded(name), _decoded(value)) for name, value in dict(headers).items()]
    carrier = {name.lower(): value for name, value in pairs if name and value}
    return TraceContextTextMapPropagator().extract(carrier, around)


def _decoded(text: object) -> str:
    if isinstance(text, bytes):
        return text.decode("latin-1")
    return text if isinstance(text, str) else ""


def traced(context: RunContext, span: OpenSpan) -> RunContext:
    """Return ``context`` with the ids of ``span``."""
    return RunContext(
        task_id=context.task_id,
        user_id=context.user_id,
        course_id=context.course_id,
        sync_type=context.sync_type,
        trace_id=span.trace_id,
        span_id=span.span_id,
        sampled=span.sampled,
    )


def with_current(span: OpenSpan | None) -> otel_context.Context:
    """Return the current OpenTelemetry context with ``span`` set, if tracing is on."""
    if span is None or not span.span.get_span_context().is_valid:
        return otel_context.get_current()
    return trace.set_span_in_context(span.span)


def remote_parent(outer: RunContext | None) -> otel_context.Context | None:
    """Return the run of the parent process as the parent span; None if a local span is current."""
    if outer is None or not outer.sampled or trace.get_current_span().get_span_context().is_valid:
        return None
    parent = trace.SpanContext(
        int(outer.trace_id, 16),
        int(outer.span_id, 16),
        True,
        trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))
