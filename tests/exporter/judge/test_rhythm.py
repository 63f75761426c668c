"""Learning when a sync type is expected: no false expectation in a year, and none too late."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_exporter.judge.daily_rhythm import DailyRhythm
from canvas_sync_exporter.judge.rhythm import RhythmLearner, learn
from support.rhythms import BEGIN, BERLIN, DAY, cron_starts, watch, without

UTC_CRON = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
HOUR = timedelta(hours=1)
QUARTER_HOURS = "*/15 7-18 * * 1-5"
MAY = datetime(2026, 5, 4, tzinfo=UTC)
"""A Monday."""


def _users(days: int, users: int, seconds: float) -> list[datetime]:
    """One run after the other for each user, every night; a third less of them in summer."""
    chance = random.Random(7)
    starts = []
    for number, start in enumerate(cron_starts("0 2 * * *", days)):
        moment = start
        for _ in range(int(users * (0.67 if 150 < number < 240 else 1))):
            starts.append(moment)
            moment += timedelta(seconds=chance.uniform(0.5, 1.5) * seconds)
    return starts


def _loop(days: int) -> list[datetime]:
    """A loop that sleeps 15 minutes after each run, in working hours."""
    chance, moment, starts = random.Random(7), BEGIN, []
    while moment < BEGIN + days * DAY:
        local = moment.astimezone(BERLIN)
        if local.weekday() < 5 and 7 <= local.hour < 19:
            starts.append(moment)
            moment += timedelta(seconds=900 + chance.uniform(10, 60))
        else:
            moment += timedelta(minutes=5)
    return starts


@pytest.mark.parametrize(
    ("starts", "days", "least", "words"),
    [
        (lambda: cron_starts("0 2 * * *", 365), 365, 350, "every day about 02:00"),
        (lambda: cron_starts("30 2 * * *", 365, late=600), 365, 350, "every day about 02:35"),
        (lambda: cron_starts("0 2 * * 1-5", 365), 365, 245, "weekdays about 02:00"),
        (lambda: cron_starts("0 3 * * 0", 365), 365, 40, "Sun about 03:00"),
        (
            lambda: cron_starts("0 1,13 * * 1,3,5", 365),
            365,
            290,
            "Mon, Wed, Fri about 01:00, 13:00",
        ),
        (lambda: cron_starts("0 2 * * *", 365, late=1200), 365, 340, "every day about 02:10"),
        (lambda: _users(300, 40, 60), 300, 280, "every day about 02:00"),
        (
            lambda: cron_starts(QUARTER_HOURS, 150),
            150,
            2000,
            "every 15 minutes, weekdays 07:00-19:00",
        ),
        (lambda: cron_starts("5 * * * *", 120, zone=NEW_YORK), 120, 1100, "every hour"),
        (lambda: _loop(120), 120, 1500, "every 16 minutes, Mon-Thu 07:05-19:00, Fri 07:05-19:15"),
    ],
)
def test_a_healthy_sync_is_expected_and_always_comes(
    starts: Callable[[], list[datetime]], days: int, least: int, words: str
) -> None:
    found = starts()
    watched = watch(found, days)

    assert watched.unmet == []
    assert watched.expected >= least
    rhythm = learn(found, found[-1] + HOUR, BERLIN)
    assert rhythm is not None
    assert rhythm.schedule.describe() == words


@pytest.mark.parametrize("expression", ["0 1 * * *", "30 1 * * *", "*/15 6-17 * * 1-5"])
def test_a_sync_whose_scheduler_follows_utc_always_comes_when_expected(expression: str) -> None:
    watched = watch(cron_starts(expression, 330, zone=UTC_CRON), 330)

    assert watched.unmet == []
    assert watched.expected > 250


@pytest.mark.parametrize(
    ("chance_of_a_run", "hours"), [(0.1, (8, 18)), (0.8, (8, 18)), (0.3, (0, 24))]
)
def test_a_sync_that_is_started_by_hand_is_never_expected(
    chance_of_a_run: float, hours: tuple[int, int]
) -> None:
    chance = random.Random(3)
    starts = sorted(
        BEGIN + day * DAY + timedelta(hours=chance.uniform(*hours))
        for day in range(365)
        for _ in range(5)
        if day % 7 < 5 and chance.random() < chance_of_a_run
    )

    assert watch(starts, 365).expected == 0


@pytest.mark.parametrize("expression", ["0 3 1 * *", "0 3 15,30 * *"])
def test_a_time_at_which_there_is_sometimes_no_run_is_not_expected(expression: str) -> None:
    assert watch(cron_starts(expression, 365), 365).expected == 0


def test_a_sync_of_every_other_week_is_never_expected() -> None:
    starts = [
        start for start in cron_starts("0 2 * * *", 365) if (start - BEGIN).days // 7 % 2 == 0
    ]

    unmet = watch(starts, 365).unmet
    assert len(unmet) <= 1  # in its second week nobody can know


@pytest.mark.parametrize("expression", ["0 2 * * *", "30 2 * * 1-5", QUARTER_HOURS])
def test_only_the_first_missed_run_of_an_unannounced_break_is_expected(expression: str) -> None:
    starts = without(cron_starts(expression, 200), MAY, MAY + 21 * DAY)
    watched = watch(starts, 200)

    (missed,) = watched.unmet
    assert MAY - 2 * HOUR <= missed <= MAY + 8 * HOUR


def test_the_missed_run_stays_expected_for_as_long_as_the_sync_is_away() -> None:
    starts = [start for start in cron_starts("0 2 * * *", 200) if start < MAY]
    learner = RhythmLearner(BERLIN)

    for days in (1, 7, 30):
        rhythm = learner.learn("full", starts, MAY + days * DAY)
        assert rhythm is not None
        assert len(rhythm.schedule.due_between(MAY - 2 * HOUR, MAY + days * DAY)) == 1
        assert rhythm.schedule.next_due(MAY + days * DAY) is None


@pytest.mark.parametrize(
    ("before", "after", "most"),
    [
        ("0 2 * * *", "0 3 * * *", 0),
        ("0 2 * * *", "0 5 * * *", 1),
        ("0 2 * * *", "0 23 * * *", 1),
        ("0 2 * * *", "0 2 * * 1-5", 1),
        (QUARTER_HOURS, "*/15 9-16 * * 1-5", 2),
        (QUARTER_HOURS, "0 7-18 * * 1-5", 2),
        ("0 7-18 * * 1-5", QUARTER_HOURS, 0),
    ],
)
def test_a_schedule_that_has_changed_is_forgotten_and_learned_again(
    before: str, after: str, most: int
) -> None:
    starts = [*cron_starts(before, 119), *cron_starts(after, 60, begin=BEGIN + 119 * DAY)]

    watched = watch(starts, 179)

    assert len(watched.unmet) <= most
    rhythm = learn(starts, starts[-1] + HOUR, BERLIN)
    expected = learn(cron_starts(after, 60), cron_starts(after, 60)[-1] + HOUR, BERLIN)
    assert rhythm is not None
    assert expected is not None
    assert rhythm.schedule.describe() == expected.schedule.describe()


@pytest.mark.parametrize(
    ("expression", "days_until_expected"),
    [("0 2 * * *", 4), ("*/15 * * * *", 10), (QUARTER_HOURS, 10), ("0 3 * * 0", 35)],
)
def test_it_says_early_what_is_certain(expression: str, days_until_expected: int) -> None:
    first = watch(cron_starts(expression, 60), 60).first_expected

    assert first is not None
    assert first - BEGIN <= days_until_expected * DAY


@pytest.mark.parametrize(("expression", "within"), [(QUARTER_HOURS, 2), ("0 * * * *", 2)])
def test_a_frequent_sync_that_dies_is_missed_within_two_intervals(
    expression: str, within: int
) -> None:
    death = MAY + 9 * HOUR
    starts = [start for start in cron_starts(expression, 150) if start < death]
    rhythm = learn(starts, death + 3 * HOUR, BERLIN)

    assert rhythm is not None
    (due,) = rhythm.schedule.due_between(starts[-1], death + 3 * HOUR)
    assert due + rhythm.grace - starts[-1] < within * (starts[-1] - starts[-2])


def test_without_any_start_nothing_is_learned() -> None:
    assert learn([], MAY, BERLIN) is None
    assert learn([MAY], MAY + HOUR, BERLIN) is None
    assert learn([MAY], MAY - HOUR, BERLIN) is None


@pytest.mark.parametrize("expression", ["0 2 * * *", "0 */4 * * *", QUARTER_HOURS])
def test_a_learner_with_a_memory_says_the_same_as_one_without(expression: str) -> None:
    starts = cron_starts(expression, 60)
    learner = RhythmLearner(BERLIN)

    for hours in range(40 * 24, 45 * 24, 5):
        now = BEGIN + hours * HOUR
        known = [start for start in starts if start <= now]
        found, fresh = learner.learn("full", known, now), learn(known, now, BERLIN)
        assert found is not None
        assert fresh is not None
        for each in (now - DAY, now):
            assert found.schedule.next_due(each) == fresh.schedule.next_due(each)


def test_earlier_days_are_analysed_once_a_day_however_many_runs_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analysed: list[date] = []
    find_expected = DailyRhythm._find_expected

    def noting(rhythm: DailyRhythm, day: date) -> list[datetime]:
        analysed.append(day)
        return find_expected(rhythm, day)

    monkeypatch.setattr(DailyRhythm, "_find_expected", noting)
    chance = random.Random(1)
    starts = sorted(MAY + chance.random() * 60 * DAY for _ in range(60 * 40))
    noon = MAY + 50 * DAY + 12 * HOUR
    learner = RhythmLearner(UTC)
    for now in (noon + number * HOUR for number in range(10)):
        learner.learn("busy", [each for each in starts if each <= now], now)

    assert analysed
    assert len(analysed) == len(set(analysed))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["0 2 * * *", "0 */6 * * *", QUARTER_HOURS, "*/30 * * * *"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Gaza"]),
    st.integers(0, 60 * 24),
    st.integers(0, 72),
    st.integers(0, 72),
)
def test_parts_of_a_period_add_up_and_agree_with_the_next_due_time(
    expression: str, zone: str, hours: int, first: int, second: int
) -> None:
    now = BEGIN + 40 * DAY + timedelta(hours=hours)
    local = ZoneInfo(zone)
    starts = [start for start in cron_starts(expression, 110, zone=local) if start <= now]
    rhythm = learn(starts, now, local)
    assert rhythm is not None
    start = now - DAY
    middle, end = start + first * HOUR, start + (first + second) * HOUR
    due = list(rhythm.schedule.due_between(start, end))

    assert due == [
        *rhythm.schedule.due_between(start, middle),
        *rhythm.schedule.due_between(middle, end),
    ]
    assert due == sorted(set(due))
    following = rhythm.schedule.next_due(start)
    assert due[:1] == ([following] if following is not None and following <= end else [])
