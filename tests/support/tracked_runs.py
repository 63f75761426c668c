"""Events of tracked runs, at times that do not change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import pytest

from canvas_sync_core.events import (
    Event,
    RunEnded,
)
from canvas_sync_instrumentation.testing import FixedClock, recorded_events

__all__ = ["clock", "ended", "events", "only"]

E = TypeVar("E")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def events(clock: FixedClock) -> Iterator[list[Event]]:
    with recorded_events(clock) as recorded:
        yield recorded


def only(kind: type[E], events: list[Event]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def ended(events: list[Event]) -> RunEnded:
    (event,) = only(RunEnded, events)
    return event
