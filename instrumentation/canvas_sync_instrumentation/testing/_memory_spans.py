"""A tracer provider whose spans stay in memory."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanContext

from canvas_sync_core.names import INSTRUMENTATION_SCOPE
from canvas_sync_instrumentation.outputs.spans import LeafEvent, parent_of, record_leaf

__all__ = ["MemorySpans"]


class MemorySpans:
    """Keeps each span that has ended.

    Args:
        ids: Generates the ids of traces and spans.
    """

    def __init__(self, ids: IdGenerator) -> None:
        self._exporter = InMemorySpanExporter()
        # The SDK's own resource takes most of the time of a short test, and says where it ran.
        self.provider = TracerProvider(
            id_generator=ids, resource=Resource.get_empty(), shutdown_on_exit=False
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._tracer = self.provider.get_tracer(INSTRUMENTATION_SCOPE)

    def finished(self) -> Sequence[ReadableSpan]:
        """Return the spans in the order in which they ended."""
        return self._exporter.get_finished_spans()

    def record_leaf(self, event: LeafEvent, parent: SpanContext | None) -> None:
        """Keep the span of a finished call."""
        record_leaf(self._tracer, event, parent_of(event) or parent)

    def flush(self, timeout: float) -> bool:
        """Nothing is ever pending."""
        return True

    def close(self, timeout: float) -> None:
        """Keep the spans for inspection."""

    def after_fork_in_child(self) -> None:
        """Drop the parent's spans."""
        self._exporter.clear()
