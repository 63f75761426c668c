"""Records what a sync does in memory, without files, a table or the network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

from opentelemetry.sdk.trace import ReadableSpan

from canvas_sync_core.clock import Clock
from canvas_sync_core.events import (
    ApiCall,
    DbOperation,
    ErrorRecorded,
    Event,
    Heartbeat,
    RunEnded,
    RunSnapshot,
    RunStarted,
    RunWaiting,
)
from canvas_sync_core.names import RunStatus
from canvas_sync_core.settings import Settings
from canvas_sync_instrumentation.monitor import Monitor, pinned
from canvas_sync_instrumentation.open_sinks import Sinks
from canvas_sync_instrumentation.outputs.spans import SpanSink

from ._memory_spans import MemorySpans
from .fixed import CountingIds

__all__ = ["MemorySink", "Recording", "recorded_events", "recording"]

E = TypeVar("E", bound=Event)


class MemorySink:
    """Stores events in a list."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def fault(self) -> None:
        """None: memory is always available."""

    def handle(self, event: Event) -> None:
        """Keep one event."""
        self.events.append(event)

    def flush(self, timeout: float) -> bool:
        """Nothing is ever pending."""
        return True

    def close(self, timeout: float) -> None:
        """Keep the events for inspection."""

    def after_fork_in_child(self) -> None:
        """Drop the parent's events."""
        self.events = []


class Recording:
    """Everything recorded so far.

    Args:
        sink: Stores the events.
        memory_spans: Stores the spans.
    """

    def __init__(self, sink: MemorySink, memory_spans: MemorySpans) -> None:
        self._sink = sink
        self._spans = memory_spans

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in order (:mod:`canvas_sync_core.events`)."""
        return self._sink.events

    @property
    def runs(self) -> list[RunSnapshot]:
        """Each run, as its row in the table would be now, in the order in which they started."""
        rows: list[RunSnapshot] = []
        for event in self.events:
            if isinstance(event, RunStarted | Heartbeat | RunWaiting | RunEnded):
                place = next(
                    (n for n, row in enumerate(rows) if _is_same_run(row, event.snapshot)),
                    len(rows),
                )
                rows[place : place + 1] = [event.snapshot]
        return rows

    @property
    def api_calls(self) -> list[ApiCall]:
        """Each request to Canvas, with or without a response."""
        return self._all(ApiCall)

    @property
    def db_operations(self) -> list[DbOperation]:
        """Each operation on the sync's own database."""
        return self._all(DbOperation)

    @property
    def errors(self) -> list[ErrorRecorded]:
        """Each error that would be a line of errors.log."""
        return self._all(ErrorRecorded)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """Each span that has ended; none if the app has set its own tracer provider."""
        return self._spans.finished()

    def _all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def _is_same_run(row: RunSnapshot, snapshot: RunSnapshot) -> bool:
    if row.task_id != snapshot.task_id:
        return False
    waits = row.status is RunStatus.RUNNING and row.error is not None
    return waits or (row.start_time, row.trace_id) == (snapshot.start_time, snapshot.trace_id)


@contextlib.contextmanager
def recording(clock: Clock | None = None, *, strict: bool = True) -> Iterator[Recording]:
    """Record everything that happens inside into memory, even if the app calls ``configure()``.

    Settings that the app passes are checked as usual but have no effect. Afterwards the previous
    monitor is current again.

    Args:
        clock: Source of the time; by default the system's clock.
        strict: Whether misuse of the tracker and internal failures are raised.
    """
    sink = MemorySink()
    memory_spans = MemorySpans(CountingIds())
    spans = SpanSink(memory_spans)
    sinks = Sinks(spans, {"memory": sink, "spans": spans})
    with pinned(Monitor(Settings(strict=strict), sinks, clock)):
        yield Recording(sink, memory_spans)


@contextlib.contextmanager
def recorded_events(clock: Clock | None = None, *, strict: bool = True) -> Iterator[list[Event]]:
    """Yield only the events of a :func:`recording`.

    Args:
        clock: Source of the time; by default the system's clock.
        strict: Whether misuse of the tracker and internal failures are raised.

    Yields:
        The list to which events are added as they happen.
    """
    with recording(clock, strict=strict) as recorded:
        yield recorded.events
