"""A call under way: what is part of it, and what becomes of it however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context

import pytest

from canvas_sync_core.events import ApiCall, Event
from canvas_sync_instrumentation.integrations._calls import Call, Detached, current_call
from canvas_sync_instrumentation.monitor import hook_recorder
from canvas_sync_instrumentation.testing import recorded_events

URL = "https://canvas.example/api/v1/courses"


@pytest.fixture(name="events")
def _events() -> Iterator[list[Event]]:
    with recorded_events() as events:
        yield events


def new_call() -> Call:
    return Call(hook_recorder(), "GET", URL, {}, None, owner=None)


def test_a_call_is_the_current_one_until_it_is_left(events: list[Event]) -> None:
    with new_call() as call:
        assert current_call() is call
        with Detached():
            assert current_call() is None
        assert current_call() is call
    assert current_call() is None


def test_a_call_that_ends_in_another_context_is_recorded_and_raises_nothing(
    events: list[Event],
) -> None:
    """As that of a coroutine which the event loop closes at its end."""
    call = new_call()
    copy_context().run(call.__enter__)
    call.__exit__(GeneratorExit, GeneratorExit(), None)
    (event,) = [event for event in events if isinstance(event, ApiCall)]
    assert event.status_code is None
