"""The attributes of a leaf span for an API call or a database operation.

Attribute names follow OpenTelemetry's semantic conventions for HTTP clients
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/) and database clients
(https://opentelemetry.io/docs/specs/semconv/database/database-spans/). ``url.full`` is left out: a
raw Canvas URL may carry a token or identify a person.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec
from opentelemetry.trace import SpanContext, TraceFlags

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.events import ApiCall, DbOperation, DbOperationsSummed, ServerTime

__all__ = ["LeafEvent", "LeafSpan", "describe_leaf", "nanoseconds", "parent_of"]

LeafEvent = ApiCall | DbOperation | DbOperationsSummed
_Attributes = dict[str, str | int | float | bool]

_NANOSECONDS: Final = 1_000_000_000


class LeafSpan(msgspec.Struct, frozen=True):
    """The contents of a client span.

    Attributes:
        failed: Whether the span's status is ERROR.
        description: The status description; None if the attributes are enough.
        start: Nanoseconds since the Unix epoch; so is ``end``.
    """

    name: str
    attributes: _Attributes
    failed: bool
    description: str | None
    start: int
    end: int


def nanoseconds(seconds: float) -> int:
    """Convert seconds since the epoch to integer nanoseconds."""
    return int(seconds * _NANOSECONDS)


def describe_leaf(event: LeafEvent) -> LeafSpan:
    """Describe the span of a finished call, operation or sum of operations."""
    if isinstance(event, ApiCall):
        return _describe_api_call(event)
    if isinstance(event, DbOperationsSummed):
        return _describe_db_operations(event)
    return _describe_db_operation(event)


def parent_of(event: LeafEvent) -> SpanContext | None:
    """Return the span of the event's run or step; None outside a run."""
    context = event.context
    if context is None:
        return None
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT),
    )


def _describe_api_call(event: ApiCall) -> LeafSpan:
    attributes: _Attributes = {
        "http.request.method": event.method,
        "url.template": event.route,
        "url.path": event.path,
        **_server(event.host),
    }
    optional: dict[str, str | float | bool | None] = {
        "http.response.status_code": event.status_code,
        "http.request.resend_count": event.attempt or None,
        "http.response.body.size": event.transferred_bytes,
        "canvas.rate_limit.remaining": event.rate_limit_remaining,
        "canvas.request.cost": event.cost,
        "canvas.request_context_id": event.request_context_id,
        "canvas.throttled": event.throttled or None,
        "canvas.response.items": event.received_items,
        "graphql.operation.name": event.graphql_operation,
        "error.type": event.error_type,
        "code.stacktrace": "\n".join(event.traceback) or None,
    }
    if event.server_time is not None:
        optional |= _server_time(event.server_time)
    attributes.update((name, value) for name, value in optional.items() if value is not None)
    return LeafSpan(
        name=f"{event.method} {event.route}",
        attributes=attributes,
        failed=event.failed,
        # According to the conventions, there is no description if the status code is sufficient.
        description=event.message if event.status_code is None else None,
        start=nanoseconds(event.time - event.duration),
        end=nanoseconds(event.time),
    )


def _server_time(time: ServerTime) -> dict[str, str | float | bool | None]:
    return {
        "canvas.time.queue": time.queue,
        "canvas.time.user_cpu": time.user_cpu,
        "canvas.time.system_cpu": time.system_cpu,
        "canvas.time.database": time.database,
    }


def _server(host: str) -> _Attributes:
    try:
        parts = urlsplit(f"//{host}")
        address, port = parts.hostname, parts.port
    except ValueError as error:
        raise_if_asynchronous(error)
        address, port = None, None
    server: _Attributes = {"server.address": address or host}
    if port is not None:
        server["server.port"] = port
    return server


def _describe_db_operation(event: DbOperation) -> LeafSpan:
    attributes: _Attributes = {
        "db.system.name": event.system,
        "db.operation.name": event.operation,
        "db.collection.name": event.table,
    }
    if event.batch:
        attributes["db.operation.batch.size"] = event.count
    if event.error_type is not None:
        attributes["error.type"] = event.error_type
    if event.error is not None and event.error.traceback:
        attributes["code.stacktrace"] = "\n".join(event.error.traceback)
    return LeafSpan(
        name=f"{event.operation} {event.table}",
        attributes=attributes,
        failed=event.error_type is not None,
        description=None,
        start=nanoseconds(event.time - event.duration),
        end=nanoseconds(event.time),
    )


def _describe_db_operations(event: DbOperationsSummed) -> LeafSpan:
    return LeafSpan(
        name=f"{event.operation} {event.table}",
        attributes={
            "db.system.name": event.system,
            "db.operation.name": event.operation,
            "db.collection.name": event.table,
            "canvas.db.operations": event.operations,
            "canvas.db.rows": event.count,
            "canvas.db.duration": event.duration,
            "canvas.db.longest": event.longest,
        },
        failed=False,
        description=None,
        start=nanoseconds(event.time - event.elapsed),
        end=nanoseconds(event.time),
    )
