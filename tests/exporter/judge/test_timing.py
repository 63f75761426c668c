"""Which rounds count now, how often a sync runs and how long it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.judge.facts import Facts, RunningRun, SyncFacts
from canvas_sync_exporter.judge.timing import (
    counted_rounds,
    has_settled,
    interval_of,
    is_frequent,
    newest_rounds,
    pause_end,
    usual_duration,
)
from canvas_sync_exporter.schedules.cron import CronSchedule
from canvas_sync_exporter.schedules.pause import Pause
from support.judge_facts import NOW, ended, facts_of, nightly, nights, sync_of

DAY = timedelta(days=1)


def paused(end: datetime, *sync_types: str, start: datetime = NOW - 9 * DAY) -> Pause:
    return Pause(frozenset(sync_types), start, end, "winter break")


def starts(facts: Facts, sync: SyncFacts) -> list[datetime]:
    return [each.start for each in counted_rounds(facts, sync)]


def test_rounds_from_before_the_end_of_a_pause_do_not_count() -> None:
    sync = sync_of(*nights(5))
    facts = facts_of(sync, pauses=(paused(NOW - 2 * DAY),))

    assert starts(facts, sync) == [each.start for each in nights(1)]
    assert pause_end(facts, sync) == NOW - 2 * DAY


def test_pauses_of_other_sync_types_and_future_pauses_change_nothing() -> None:
    sync = sync_of(*nights(2))
    to_come = paused(NOW + 9 * DAY, start=NOW + DAY)
    facts = facts_of(sync, pauses=(paused(NOW, "incremental"), to_come))

    assert pause_end(facts, sync) is None
    assert len(starts(facts, sync)) == 2


def test_a_run_in_the_future_is_ignored_until_then() -> None:
    sync = sync_of(ended(start=NOW + timedelta(hours=1)), *nights(2))
    assert starts(facts_of(sync), sync) == [each.start for each in nights(2)]


def test_a_sync_type_that_is_no_longer_expected_is_soon_forgotten() -> None:
    unexpected: dict[str, Any] = {"expectation": None, "due": (), "next_due": None}
    recent, old = sync_of(ended(0), **unexpected), sync_of(ended(2), **unexpected)

    assert len(starts(facts_of(recent), recent)) == 1
    assert starts(facts_of(old), old) == []


def test_the_interval_is_the_median_between_due_times_or_else_between_rounds() -> None:
    assert interval_of(sync_of()) == DAY
    unexpected: dict[str, Any] = {"expectation": None, "due": (), "next_due": None}
    assert interval_of(sync_of(*nights(4), **unexpected)) == DAY
    assert interval_of(sync_of(*nights(1), **unexpected)) is None


def test_a_sync_is_frequent_if_it_is_due_or_really_runs_at_least_every_half_hour() -> None:
    half_hourly, hourly = (
        nightly(schedule=CronSchedule(text, UTC)) for text in ("*/30 * * * *", "0 * * * *")
    )
    assert is_frequent(sync_of(expectation=half_hourly))
    assert not is_frequent(sync_of(expectation=hourly))
    often = [ended(start=NOW - timedelta(minutes=29 * n)) for n in range(1, 6)]
    assert is_frequent(sync_of(*often, expectation=None, due=(), next_due=None))


def test_a_round_has_settled_three_minutes_after_its_last_end() -> None:
    just_now = ended(start=NOW - timedelta(minutes=12))
    long_ago = ended(start=NOW - timedelta(minutes=13))

    for run, expected in ((just_now, False), (long_ago, True)):
        sync = sync_of(run)
        assert has_settled(facts_of(sync), sync) is expected
    going = RunningRun("r", "full", NOW - DAY, NOW)
    sync = sync_of(long_ago, running=(going,))
    assert not has_settled(facts_of(sync), sync)
    assert has_settled(facts_of(sync_of()), sync_of())


def test_a_usual_duration_needs_three_runs_that_succeeded() -> None:
    durations = (10.0, 20.0, 60.0)
    runs = [ended(night, duration=seconds) for night, seconds in enumerate(durations)]
    cut_short = ended(3, duration=0.1, status=RunStatus.FAILED)

    assert usual_duration(sync_of(*runs, cut_short)) == 20.0
    assert usual_duration(sync_of(*runs[:2], cut_short)) is None


def test_the_newest_rounds_are_those_of_the_sync_types_that_meet_a_condition() -> None:
    full, hourly = sync_of(*nights(3)), sync_of(*nights(2), sync_type="hourly")
    facts = facts_of(full, hourly)
    found = newest_rounds(facts, lambda _, sync: sync.sync_type == "full")
    assert found == [full.rounds[0]]
