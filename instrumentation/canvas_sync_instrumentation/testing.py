"""For tests of instrumented apps: what a sync recorded, in memory and at a fixed time.

::

    def test_the_nightly_sync_records_its_courses():
        with recorded_events() as events:
            nightly_sync(user_id=42)
        assert ItemCounts(processed=3, created=3) in [
            event.counts for event in events if isinstance(event, ItemsRecorded)
        ]
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .clock import Clock
from .events import Event
from .monitor import Monitor, install, shutdown
from .settings import Settings
from .sinks import count_nothing
from .sinks.spans import SpanSink
from .wiring import Sinks

__all__ = ["FixedClock", "MemorySink", "recorded_events"]


class FixedClock:
    """A clock that stands still until it is moved.

    Args:
        time: Seconds since the Unix epoch at which it starts.
    """

    def __init__(self, time: float = 1_767_225_600.0) -> None:
        self._time = time

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        return self._time

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._time

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``."""
        self._time += seconds


class MemorySink:
    """Keeps events in a list."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        """Keep one event."""
        self.events.append(event)

    def flush(self, timeout: float) -> bool:
        """Nothing is ever pending."""
        return True

    def close(self, timeout: float) -> None:
        """Keep the events for whoever looks at them."""

    def after_fork_in_child(self) -> None:
        """Forget the parent's events."""
        self.events = []


@contextlib.contextmanager
def recorded_events(clock: Clock | None = None, *, strict: bool = True) -> Iterator[list[Event]]:
    """Record into memory alone: no file, no table, no network.

    Args:
        clock: Where the time comes from; the system's when None.
        strict: Whether misuse of the tracker raises.

    Yields:
        The list to which events are added as they happen.
    """
    sink = MemorySink()
    spans = SpanSink(environ={}, on_drop=count_nothing)
    settings = Settings(strict=strict)
    install(Monitor(settings, Sinks(spans, {"memory": sink, "spans": spans}), clock))
    try:
        yield sink.events
    finally:
        shutdown()
