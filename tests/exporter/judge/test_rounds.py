"""Runs are grouped by the due time that they answer, and the best result of each user counts."""

from __future__ import annotations

from datetime import UTC, timedelta

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource
from canvas_sync_exporter.judge.rounds import make_rounds
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.schedules.interval import IntervalSchedule
from support.judge_facts import NOW, ended, failed, nightly, sync_of

HOUR = timedelta(hours=1)


def of_users(night: int, users: int) -> list[EndedRun]:
    """A run of each user, newest first."""
    first = ended(night).start
    return [
        ended(start=first + timedelta(seconds=user), user_id=user)
        for user in reversed(range(users))
    ]


def test_a_night_with_a_run_for_each_user_is_one_round() -> None:
    sync = sync_of(*of_users(0, 30), *of_users(1, 30))

    assert [len(each.runs) for each in sync.rounds] == [30, 30]
    assert [len(each.runs) for each in make_rounds(sync.runs, (), None)] == [30, 30]


def test_a_second_run_that_succeeds_makes_up_for_the_first() -> None:
    by_hand = ended(start=ended(0).start + HOUR)
    (newest, *_) = sync_of(by_hand, failed(0), ended(1)).rounds

    assert list(newest.results.values()) == [by_hand]
    assert newest.notable == {}


def test_a_failure_by_hand_takes_nothing_away_from_a_success() -> None:
    (newest, *_) = sync_of(failed(start=ended(0).start + HOUR), ended(0), ended(1)).rounds

    assert [run.status for run in newest.results.values()] == [RunStatus.SUCCESS]


def test_with_an_interval_each_run_is_a_round() -> None:
    every = IntervalSchedule(HOUR, UTC, NOW)
    promise = Expectation("full", every, HOUR, ExpectationSource.FILE)
    runs = [ended(start=NOW - number * HOUR) for number in range(1, 9)]

    assert [list(each.runs) for each in make_rounds(runs, (NOW,), promise)] == [
        [run] for run in runs
    ]


def test_a_run_a_little_before_its_due_time_answers_it() -> None:
    early = ended(start=NOW - HOUR - timedelta(seconds=30))

    assert [each.start for each in make_rounds([early], [NOW - HOUR], nightly())] == [early.start]
