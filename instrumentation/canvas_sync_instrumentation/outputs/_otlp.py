"""Sends spans to an OTLP collector, for apps without their own tracing.

Everything here is configured by OpenTelemetry's standard environment variables:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. A malformed value
causes a warning and never stops the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.identifiers import random_hex
from canvas_sync_core.names import INSTRUMENTATION_SCOPE
from canvas_sync_core.sinks import DropCounter

from ._leaf_spans import LeafEvent, describe_leaf, parent_of
from ._otlp_exporter import QuietExporter
from ._span_queue import SpanQueue

__all__ = ["OtlpPipeline"]

_logger = app_logger(__name__)

_DEFAULT_SERVICE_NAME: Final = "canvas-sync"


class OtlpPipeline:
    """A private tracer provider whose spans go to an OTLP collector.

    Args:
        environ: Address and protocol of the collector. Sampler, limits, resource,
            headers, timeouts and certificates are read by the SDK itself, from ``os.environ``.
        on_drop: Counts spans that could not be delivered.

    Raises:
        ValueError: The SDK cannot use one of its settings.

    Attributes:
        provider: The SDK's provider; never made the global one.
    """

    def __init__(self, environ: Mapping[str, str], on_drop: DropCounter) -> None:
        self._exporter = QuietExporter(environ)
        self._queue = SpanQueue(
            self._exporter,
            on_drop,
            capacity=_whole(environ, "OTEL_BSP_MAX_QUEUE_SIZE", 2048),
            batch_size=_whole(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
            delay=_whole(environ, "OTEL_BSP_SCHEDULE_DELAY", 5000) / 1000,
        )
        self._ids = _SystemIdGenerator()
        self._scope = InstrumentationScope(INSTRUMENTATION_SCOPE, "")
        self.provider = TracerProvider(
            resource=_resource(),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        self.provider.add_span_processor(self._queue)

    def record_leaf(self, event: LeafEvent, parent: SpanContext | None) -> None:
        """Queue the span of a finished call; the exporting thread creates the span itself.

        Args:
            event: The call; the span of its run is the parent.
            parent: The parent of a call outside a run; None lets the sampler decide on a root span.
        """
        self._queue.put(partial(self._make_leaf, event, parent))

    def flush(self, timeout: float) -> bool:
        """Export what is queued; return whether it was done within ``timeout`` seconds."""
        return self._queue.flush(timeout)

    def close(self, timeout: float) -> None:
        """Export what is queued within ``timeout`` seconds and drop the rest."""
        self._queue.close(timeout)

    def after_fork_in_child(self) -> None:
        """Start fresh in a forked child, without spans, threads or connections of the parent."""
        self._exporter.after_fork_in_child()
        self._queue.after_fork_in_child()

    def _make_leaf(self, event: LeafEvent, parent: SpanContext | None) -> ReadableSpan | None:
        leaf = describe_leaf(event)
        parent = parent_of(event) or parent
        trace_id = parent.trace_id if parent is not None else self._ids.generate_trace_id()
        if parent is None and not self._samples(trace_id, leaf.name):
            return None
        return ReadableSpan(
            name=leaf.name,
            context=SpanContext(
                trace_id,
                self._ids.generate_span_id(),
                is_remote=False,
                trace_flags=TraceFlags(TraceFlags.SAMPLED),
                trace_state=parent.trace_state if parent is not None else None,
            ),
            parent=parent,
            resource=self.provider.resource,
            attributes=leaf.attributes,
            kind=SpanKind.CLIENT,
            status=Status(StatusCode.ERROR, leaf.description) if leaf.failed else Status(),
            start_time=leaf.start,
            end_time=leaf.end,
            instrumentation_scope=self._scope,
        )

    def _samples(self, trace_id: int, name: str) -> bool:
        result = self.provider.sampler.should_sample(None, trace_id, name, SpanKind.CLIENT)
        return result.decision is Decision.RECORD_AND_SAMPLE


class _SystemIdGenerator(IdGenerator):
    """Generates ids from the system, so that neither a fork nor ``random.seed()`` repeats them."""

    def generate_span_id(self) -> int:
        return int(random_hex(8), 16) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        return int(random_hex(16), 16) or self.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        return True


def _resource() -> Resource:
    # The SDK's default name is meaningless; a name from the environment takes precedence over ours.
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return resource.merge(Resource({SERVICE_NAME: _DEFAULT_SERVICE_NAME}))
    return resource


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    raw = environ.get(name, "").strip()
    if not raw:
        return default
    if raw.isdecimal() and int(raw) > 0:
        return int(raw)
    _logger.warning("%s: %r is not a whole number above 0; %d is used.", name, raw, default)
    return default
