"""A span processor that never makes anybody wait longer than asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # what every OpenTelemetry instrumentation of HTTP looks at
    attach,
    set_value,
)
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from canvas_sync_core.locks import Event, RLock
from canvas_sync_core.sinks import DropCounter
from canvas_sync_core.threads import Daemon

from ._bequest import Bequest

__all__ = ["LazySpan", "SpanQueue"]

LazySpan = Callable[[], ReadableSpan | None]
"""Makes a span in the exporting thread; None when it is not to be recorded."""


class SpanQueue(SpanProcessor):
    """Queues ended spans and exports them in batches from a daemon thread of its own.

    The SDK's ``BatchSpanProcessor`` ignores the timeout of a flush
    (open-telemetry/opentelemetry-python#4568), holds up the exit for half a minute when the
    collector is silent (#4043, #3309), and drops spans without a count. This one keeps every
    timeout, counts what it drops, and takes spans that are only made when they are exported.

    Args:
        exporter: Called from the exporting thread alone; must not raise.
        on_drop: Counts spans that found no room, failed to be exported or were left at the end.
        capacity: How many spans may wait; a further one is dropped.
        batch_size: How many spans travel together.
        delay: Seconds after which an incomplete batch travels.
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
        # An Event among the spans marks how far a flush has to come.
        self._queue: deque[ReadableSpan | LazySpan | Event] = deque()
        self._start_anew()

    def _start_anew(self) -> None:
        self._bequest: Bequest | None = None
        self._wake = Event()
        self._thread: Daemon | None = None
        self._thread_lock = RLock()
        self._is_exporting = False

    def on_end(self, span: ReadableSpan) -> None:
        """Queue an ended span of the SDK."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.put(span)

    def put(self, span: ReadableSpan | LazySpan) -> None:
        """Queue one span, or drop and count it when there is no room."""
        queue = self._queue
        if len(queue) >= self._capacity:
            self._on_drop("spans", "queue_full")
            return
        queue.append(span)
        if self._thread is None:
            self._has_thread()
        if len(queue) >= self._batch_size and not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Export what is queued by now within ``timeout`` seconds; return whether that was done."""
        if not self._queue:
            return True
        if self._abandoned.is_set() or not self._has_thread():
            return False
        mark = Event()
        self._queue.append(mark)
        self._wake.set()
        return mark.wait(timeout)

    def close(self, timeout: float) -> None:
        """Take no further spans, export what is queued within ``timeout`` seconds, drop the rest.

        An export that still hangs then is left to its daemon thread, for which no exit waits.
        """
        if self._closing:
            return
        if self._queue:
            self._has_thread()
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
        """Close as the SDK asks it: with the time that exits have by default."""
        self.close(1.5)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush as the SDK asks it, in milliseconds."""
        return self.flush(timeout_millis / 1000)

    def after_fork_in_child(self) -> None:
        """Forget the parent's spans and thread; the next span starts a new one.

        If the parent has no thread, as the process has not that uWSGI forks, one child sends them.
        """
        if self._bequest is None or not self._bequest.take():
            self._queue = deque()
        self._start_anew()

    def _has_thread(self) -> bool:
        """Start the thread unless it runs; where it cannot be started, spans wait for the next."""
        with self._thread_lock:
            thread = self._thread
            if thread is None or (thread.is_outdated and not self._is_exporting):
                self._thread = Daemon(self._work, "canvas-sync-spans")
                if not self._thread.start():
                    self._thread = None
                    self._bequest = self._bequest or Bequest()
                elif self._bequest is not None:
                    self._reclaim(self._bequest)
            return self._thread is not None

    def _reclaim(self, bequest: Bequest) -> None:
        self._bequest = None
        if not bequest.take():
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
        """Export what is queued, unless another thread has taken the place of this one."""
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
            # They leave the queue when they are exported, so that the capacity and the count at a
            # close include a batch that is under way.
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
