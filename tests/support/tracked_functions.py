"""Runs of functions that ``@track_sync`` decorates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from canvas_sync_core.events import Event, RunEnded, RunSnapshot
from canvas_sync_instrumentation.run.active_run import current_run
from canvas_sync_instrumentation.testing import recorded_events

__all__ = ["Broken", "drain", "ended", "events", "statuses", "task_here"]


@pytest.fixture(autouse=True)
def events() -> Iterator[list[Event]]:
    with recorded_events() as recorded:
        yield recorded


def ended(events: list[Event]) -> list[RunSnapshot]:
    return [event.snapshot for event in events if isinstance(event, RunEnded)]


def statuses(events: list[Event]) -> list[str]:
    return [str(run.status) for run in ended(events)]


def task_here() -> str | None:
    position = current_run()
    return None if position is None else position.context.task_id


class Broken(Exception):  # noqa: N818 - short
    """What the functions below raise."""


async def drain(values: AsyncIterator[int]) -> None:
    async for _ in values:
        pass
