"""A span processor that never waits longer than requested."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # checked by every OpenTelemetry instrumentation of HTTP
    attach,
    set_value,
)
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from canvas_sync_core.locks import Event, RLock
from canvas_sync_core.sinks import DropCounter
from canvas_sync_core.threads import Daemon

from ._hand_over import HandOver

__all__ = ["LazySpan", "SpanQueue"]

LazySpan = Callable[[], ReadableSpan | None]
"""Creates a span in the exporting thread; None if it is not to be recorded."""


class SpanQueue(SpanProcessor):
    """Queues ended spans and exports them in batches from a daemon thread.

    The SDK's ``BatchSpanProcessor`` ignores the timeout of a flush
    (open-telemetry/opentelemetry-python#4568), delays the exit by half a minute if the collector
    does not respond (#4043, #3309), and drops spans without counting them. This one respects every
    timeout, counts what it drops, and accepts spans that are only created when exported.

    Args:
        exporter: Called only from the exporting thread; must not raise.
        on_drop: Counts spans that did not fit, could not be exported, or were left at the end.
        capacity: Maximum number of waiting spans; further ones are dropped.
        batch_size: Number of spans per batch.
        delay: Seconds after which an incomplete batch is sent.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        on_drop: DropCounter,
        *,
        capacity: int,
        batch_size: int,
        delay: float,
    ) -> None:
        self._exporter = exporter
        self._on_drop = on_drop
        self._capacity = capacity
        self._batch_size = min(batch_size, capacity)
        self._delay = delay
        self._closing = False
        self._abandoned = Event()
        # An Event among the spans marks how far a flush has to get.
        self._queue: deque[ReadableSpan | LazySpan | Event] = deque()
        self._reset()

    def _reset(self) -> None:
        self._hand_over: HandOver | None = None
        self._wake = Event()
        self._thread: Daemon | None = None
        self._thread_lock = RLock()
        self._is_exporting = False

    def on_end(self, span: ReadableSpan) -> None:
        """Queue an ended span of the SDK."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.put(span)

    def put(self, span: ReadableSpan | LazySpan) -> None:
        """Queue one span, or drop and count it if the queue is full."""
        queue = self._queue
        if len(queue) >= self._capacity:
            self._on_drop("spans", "queue_full")
            return
        if self._thread is None:
            self._ensure_thread()  # first, because it forgets the spans that a child has taken over
        queue.append(span)
        if len(queue) >= self._batch_size and not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Export what is queued by now within ``timeout`` seconds; return whether that was done."""
        if not self._queue:
            return True
        if self._abandoned.is_set() or not self._ensure_thread():
            return False
        mark = Event()
        self._queue.append(mark)
        self._wake.set()
        return mark.wait(timeout)

    def close(self, timeout: float) -> None:
        """Accept no more spans, export queued ones within ``timeout`` seconds, drop the rest.

        An export that still hangs is left to its daemon thread, which no exit waits for.
        """
        if self._closing:
            return
        if self._queue:
            self._ensure_thread()
        self._capacity = 0
        self._closing = True
        self._wake.set()
        if self._thread is None:
            self._exporter.shutdown()
        else:
            self._thread.join(timeout)
        if self._thread is None or self._thread.is_alive:
            self._abandoned.set()
            lost = sum(not isinstance(item, Event) for item in tuple(self._queue))
            if lost:
                self._on_drop("spans", "export_failed", lost)

    def shutdown(self) -> None:
        """Close, as called by the SDK: with the default time for exits."""
        self.close(1.5)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush, as called by the SDK: in milliseconds."""
        return self.flush(timeout_millis / 1000)

    def after_fork_in_child(self) -> None:
        """Drop the parent's spans and thread; the next span starts a new one.

        If the parent has no thread, like uWSGI's master process, one child sends its spans.
        """
        if self._hand_over is None or not self._hand_over.take_over():
            self._queue = deque()
        self._reset()

    def _ensure_thread(self) -> bool:
        """Start the thread unless it is running; if that fails, spans wait for the next attempt."""
        with self._thread_lock:
            thread = self._thread
            if thread is None or (thread.is_outdated and not self._is_exporting):
                self._thread = Daemon(self._work, "canvas-sync-spans")
                if not self._thread.start():
                    self._thread = None
                    self._hand_over = self._hand_over or HandOver()
                elif self._hand_over is not None:
                    self._reclaim(self._hand_over)
            return self._thread is not None

    def _reclaim(self, hand_over: HandOver) -> None:
        self._hand_over = None
        if not hand_over.take_over():
            self._queue.clear()

    def _work(self) -> None:
        thread = self._thread
        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        while not self._closing:
            self._wake.wait(self._delay)
            if not self._export_queued_as(thread):
                return
        self._export_queued()
        if not self._abandoned.is_set():
            self._exporter.shutdown()

    def _export_queued_as(self, thread: Daemon | None) -> bool:
        """Export queued spans, unless another thread has replaced this one."""
        with self._thread_lock:
            if self._thread is not thread:
                return False
            self._wake.clear()
            self._is_exporting = True
        self._export_queued()
        self._is_exporting = False
        return True

    def _export_queued(self) -> None:
        queue = self._queue
        while queue and not self._abandoned.is_set():
            # They leave the queue after the export, so that the capacity and the count at close
            # include a batch in progress.
            batch = [queue[index] for index in range(min(len(queue), self._batch_size))]
            spans = [span for span in map(_make, batch) if span is not None]
            result = self._exporter.export(spans) if spans else SpanExportResult.SUCCESS
            if self._abandoned.is_set():
                return
            if result is not SpanExportResult.SUCCESS:
                self._on_drop("spans", "export_failed", len(spans))
            for item in batch:
                queue.popleft()
                if isinstance(item, Event):
                    item.set()


def _make(item: ReadableSpan | LazySpan | Event) -> ReadableSpan | None:
    if isinstance(item, ReadableSpan):
        return item
    return None if isinstance(item, Event) else item()
