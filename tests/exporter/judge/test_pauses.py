"""Pauses that people set while the exporter runs, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, inspect

from canvas_sync_core.errors import StorageError
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.database import downgrade, upgrade
from canvas_sync_exporter.judge.pauses import (
    active_pauses,
    add_pause,
    closing_pause,
    end_pause,
    new_pause,
    pauses_since,
)
from canvas_sync_exporter.schedules.pause import Pause
from support.incidents import incident

NOW = datetime(2026, 12, 19, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def _add(engine: Engine, *sync_types: str, start: datetime = NOW, days: int = 7) -> Pause:
    pause = new_pause(sync_types, start, start + days * DAY, "winter break", "ada", now=NOW)
    return add_pause(engine, pause, now=NOW)


def test_a_pause_is_stored_with_who_and_why(engine: Engine) -> None:
    added = _add(engine, "full", "incremental")

    assert added.id is not None
    assert active_pauses(engine, NOW) == [added]
    assert (added.author, added.reason) == ("ada", "winter break")
    assert added.covers("full", NOW)
    assert not added.covers("grades", NOW)
    assert not added.covers("full", NOW + 7 * DAY)


def test_a_pause_without_sync_types_is_for_all(engine: Engine) -> None:
    _add(engine)

    assert active_pauses(engine, NOW)[0].covers("anything", NOW)


def test_a_pause_that_has_ended_is_still_known_for_what_was_due_in_it(engine: Engine) -> None:
    pause = _add(engine, "full", days=2)
    later = NOW + 3 * DAY

    assert active_pauses(engine, later) == []
    assert pauses_since(engine, later - 2 * DAY) == [pause]


def test_a_pause_ends_when_somebody_ends_it(engine: Engine) -> None:
    pause, later = _add(engine, "full"), NOW + DAY
    assert pause.id is not None

    ended = end_pause(engine, pause.id, "grace", now=later)

    assert ended is not None
    assert ended.end == later
    assert active_pauses(engine, later) == []
    assert end_pause(engine, pause.id, "grace", now=later) is None
    assert end_pause(engine, 4711, "grace", now=later) is None


def test_a_pause_that_is_ended_before_it_begins_never_begins(engine: Engine) -> None:
    pause = _add(engine, "full", start=NOW + 5 * DAY)
    assert pause.id is not None

    end_pause(engine, pause.id, "grace", now=NOW)

    assert not any(each.covers("full", NOW + 6 * DAY) for each in pauses_since(engine, NOW))


@pytest.mark.parametrize(
    ("sync_types", "days", "reason", "message"),
    [
        (["full"], 1, " \n\t", "reason: say why"),
        (["full"], 1, "x" * 501, "reason: write at most 500"),
        (["full"], 0, "break", "until: it must be after"),
        (["full"], -3, "break", "until: it must be after"),
        ([""], 1, "break", "sync_types: write names of 1 to 64"),
        ([f"{number}" for number in range(101)], 1, "break", "sync_types: name up to 100"),
        (["a\nb"], 1, "break", "sync_types: write names of 1 to 64"),
        (["x" * 65], 1, "break", "sync_types: write names of 1 to 64"),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused(
    sync_types: list[str], days: int, reason: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        new_pause(sync_types, NOW, NOW + days * DAY, reason, "ada", now=NOW)


def test_a_pause_of_the_past_is_refused() -> None:
    with pytest.raises(ValueError, match="it is in the past"):
        new_pause([], NOW - 3 * DAY, NOW - DAY, "break", "ada", now=NOW)


@pytest.mark.parametrize(
    ("opened", "resolved", "kind", "affects", "is_closed"),
    [
        (-60, 1, IncidentKind.FAILING, ("full",), True),
        (-60, 1, IncidentKind.STALE_ITEMS, ("full",), True),
        (-60, -1, IncidentKind.FAILING, ("full",), False),  # before the pause
        (5, 9, IncidentKind.FAILING, ("full",), False),  # opened and over within the pause
        (-60, 24 * 60, IncidentKind.FAILING, ("full",), False),  # after the pause
        (-60, 1, IncidentKind.FAILING, ("full", "grades"), False),  # the other one recovered
        (-60, 1, IncidentKind.DISK_FILLING, (), False),  # has nothing to do with runs
        (-60, None, IncidentKind.FAILING, ("full",), False),  # is open
    ],
)
def test_a_pause_closes_what_was_wrong_with_runs_before_it(
    opened: int,
    resolved: int | None,
    kind: IncidentKind,
    affects: tuple[str, ...],
    *,
    is_closed: bool,
) -> None:
    pause = Pause(frozenset({"full"}), NOW, NOW + DAY, "winter break", "ada")
    other = Pause(frozenset({"grades"}), NOW, NOW + DAY, "winter break", "ada")
    found = incident(
        kind,
        sync_type=None,
        affects=affects,
        opened_at=NOW + timedelta(minutes=opened),
        resolved_at=None if resolved is None else NOW + timedelta(minutes=resolved),
    )
    assert closing_pause(found, [other, pause]) == (pause if is_closed else None)


def test_without_the_table_each_function_says_how_to_get_it(own_engine: Engine) -> None:
    pause = new_pause([], NOW, NOW + DAY, "break", "ada", now=NOW)
    downgrade(own_engine, "0006")

    for ask in (
        lambda: active_pauses(own_engine, NOW),
        lambda: add_pause(own_engine, pause, now=NOW),
        lambda: end_pause(own_engine, 1, "ada", now=NOW),
    ):
        with pytest.raises(StorageError, match=r"no table canvas_sync_pauses\. Run `canv"):
            ask()


def test_the_migration_goes_down_and_up_again(own_engine: Engine) -> None:
    _add(own_engine, "full")

    downgrade(own_engine, "0006")
    assert not inspect(own_engine).has_table("canvas_sync_pauses")
    upgrade(own_engine)

    assert active_pauses(own_engine, NOW) == []
