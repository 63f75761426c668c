"""Runs are grouped by the due time that they answer, and the best result of each user counts."""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import permutations

import pytest

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


def test_a_night_with_one_run_for_each_user_is_one_round() -> None:
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


@pytest.mark.parametrize("order", list(permutations((41, 42, 45, 46))))
def test_users_that_are_synced_at_the_same_time_are_one_round_in_whatever_order_they_start(
    order: tuple[int, ...],
) -> None:
    batches = [
        ended(start=NOW - begin + timedelta(seconds=number), user_id=user)
        for begin, users in ((3 * HOUR / 4, order[:1]), (HOUR, order), (2 * HOUR, order[::-1]))
        for number, user in reversed(list(enumerate(users)))
    ]

    assert [len(each.runs) for each in make_rounds(batches, (), None)] == [1, 4, 4]


def test_users_that_are_synced_one_after_the_other_without_end_are_a_round_each_time() -> None:
    turns = [
        ended(start=NOW - number * timedelta(seconds=610), user_id=number % 5)
        for number in range(1, 21)
    ]
    workers = [ended(start=run.start, user_id=run.user_id, duration=3000.0) for run in turns]

    for runs in (turns, workers):
        assert [len(each.runs) for each in make_rounds(runs, (), None)] == [5, 5, 5, 5]


def test_a_run_a_little_before_its_due_time_counts_for_it() -> None:
    early = ended(start=NOW - HOUR - timedelta(seconds=30))

    assert [each.start for each in make_rounds([early], [NOW - HOUR], nightly())] == [early.start]
