"""How fresh the data is, by kind of item."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from sqlalchemy import Engine

from canvas_sync_core.events import ItemCounts, RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store.freshness import freshness
from support.runs import running, snapshot, write

NOW = datetime.fromtimestamp(round(time.time()), UTC)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def ended(hours: float, *items: str, **changes: object) -> RunSnapshot:
    """A run that ended so many hours ago and handled such items."""
    counts = {item: ItemCounts(processed=2 if item in items else 0) for item in ITEMS}
    end = NOW.timestamp() - hours * 3600
    times = {"start_time": end - 60, "end_time": end, "heartbeat": end, "items": counts}
    return snapshot(f"{hours}-{items}", **{**times, **changes})


def ages(engine: Engine, days: float = 7) -> dict[tuple[str, str], float]:
    """Age in hours, by sync type and item."""
    found = freshness(engine, NOW - timedelta(days=days), NOW)
    return {(each.sync_type, each.item): each.age_seconds / 3600 for each in found.items}


def test_the_newest_success_that_handled_an_item_counts(engine: Engine) -> None:
    write(
        engine,
        ended(30, "course", "grade"),
        ended(6, "course"),
        ended(2, "grade", sync_type="grades"),
    )

    assert ages(engine) == {("grades", "grade"): 2, ("full", "course"): 6, ("full", "grade"): 30}
    assert list(ages(engine)) == [("grades", "grade"), ("full", "course"), ("full", "grade")]


def test_a_single_item_makes_its_kind_fresh(engine: Engine) -> None:
    counts = {item: ItemCounts(processed=int(item == "course")) for item in ITEMS}
    write(engine, ended(3, items=counts))

    assert ages(engine) == {("full", "course"): 3}


def test_runs_without_success_make_nothing_fresh(engine: Engine) -> None:
    others = (RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.CANCELLED, RunStatus.INTERRUPTED)
    write(engine, ended(30, "course"), running("under way"))
    for status in others:
        write(engine, structs.replace(ended(1, "course", status=status), task_id=status.value))

    assert ages(engine) == {("full", "course"): 30}


def test_only_the_days_asked_for_are_looked_at(engine: Engine) -> None:
    write(engine, ended(30, "course"))

    assert ages(engine, days=1) == {}
