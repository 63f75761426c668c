"""API calls as a hook records them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from canvas_sync_core.events import ApiCall, Event
from canvas_sync_instrumentation.testing import recorded_events

__all__ = ["calls_of", "events_with"]


def calls_of(events: Sequence[Event]) -> list[ApiCall]:
    """Return the API calls among events."""
    return [event for event in events if isinstance(event, ApiCall)]


@contextmanager
def events_with(
    instrument: Callable[[], None], uninstrument: Callable[[], None]
) -> Iterator[list[Event]]:
    """Record events while a hook is on."""
    with recorded_events() as events:
        instrument()
        try:
            yield events
        finally:
            uninstrument()
