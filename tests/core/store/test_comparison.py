"""What is odd about a run, beside the last ones of its kind."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import SUSPECT_REASONS
from canvas_sync_core.store.comparison import Measures, anomalies, same_time_windows

RUNS = st.builds(Measures, items=st.integers(0, 10**6), duration=st.floats(0, 10**5))
HISTORIES = st.lists(RUNS, max_size=30)

USUAL = [Measures(1000 + 5 * n, 60.0 + n) for n in range(20)]


def reasons(run: Measures, earlier: list[Measures] = USUAL) -> list[str]:
    """Why a run is odd."""
    return [each.reason for each in anomalies(run, earlier)]


@pytest.mark.parametrize(
    ("items", "duration", "expected"),
    [
        (1040, 66.0, []),
        (700, 45.0, []),
        (1900, 110.0, []),
        (0, 66.0, ["few_items"]),
        (400, 66.0, ["few_items"]),
        (5000, 66.0, ["many_items"]),
        (1000, 3.0, ["fast"]),
        (1000, 600.0, ["slow"]),
        (12, 1.5, ["few_items", "fast"]),
    ],
)
def test_a_run_that_is_far_off_is_odd(items: int, duration: float, expected: list[str]) -> None:
    assert reasons(Measures(items, duration)) == expected


def test_the_oddity_is_reported_with_numbers() -> None:
    first, second = anomalies(Measures(12, 1.5), USUAL)

    assert first.text == "few_items: 12 items where 1,048 are usual"
    assert second.text == "fast: 1.5 s where 69.5 s are usual"


def test_millions_are_written_in_full_and_one_in_the_singular() -> None:
    usual = [Measures(2_345_678, 60.0, 12_345_678)] * 20
    few = anomalies(Measures(234_567, 60.0, 1), usual)
    (many,) = anomalies(Measures(99_000_000, 60.0, 12_345_678), usual)

    assert [each.text for each in (*few, many)] == [
        "few_items: 234,567 items where 2,345,678 are usual",
        "few_calls: 1 API call where 12,345,678 are usual",
        "many_items: 99,000,000 items where 2,345,678 are usual",
    ]


@pytest.mark.parametrize("count", range(3))
def test_too_short_a_history_makes_no_run_odd(count: int) -> None:
    assert reasons(Measures(0, 0.0), USUAL[:count]) == []


def test_small_numbers_may_vary() -> None:
    """Incremental syncs that find nothing or a handful, within seconds."""
    small = [Measures(n % 4, 2.0) for n in range(20)]

    assert reasons(Measures(9, 9.0), small) == []


def test_what_has_always_varied_is_not_odd() -> None:
    varied = [Measures(1000 * (n % 10), 100.0 * (n % 10)) for n in range(20)]

    assert reasons(Measures(0, 0.0), varied) == []
    assert reasons(Measures(12_000, 1200.0), varied) == []


def test_a_few_bad_nights_change_neither_what_is_usual_nor_what_is_odd() -> None:
    history = [*USUAL[:14], *[Measures(0, 0.5)] * 6]

    assert reasons(Measures(1040, 66.0), history) == []
    assert reasons(Measures(0, 0.5), history) == ["few_items", "fast"]


@given(RUNS, HISTORIES)
def test_no_run_is_both_too_little_and_too_much(run: Measures, earlier: list[Measures]) -> None:
    found = reasons(run, earlier)

    assert set(found) <= set(SUSPECT_REASONS)
    assert not {"few_items", "many_items"} <= set(found)
    assert not {"fast", "slow"} <= set(found)


@given(RUNS, st.lists(RUNS, min_size=3, max_size=20))
def test_the_order_of_the_history_does_not_matter(run: Measures, earlier: list[Measures]) -> None:
    assert reasons(run, earlier) == reasons(run, sorted(earlier, key=repr))


@given(RUNS, st.integers(3, 30))
def test_a_run_like_all_before_it_is_not_odd(run: Measures, count: int) -> None:
    assert reasons(run, [run] * count) == []


MONDAY = datetime(2026, 10, 5, 7, tzinfo=UTC)


def every_quarter(days: int, items: int, seed: int = 1) -> list[Measures]:
    """Runs every 15 minutes from 07:00 to 19:00 on the days up to the one before MONDAY."""
    noise = random.Random(seed)
    starts = [
        MONDAY - timedelta(days=day) + timedelta(minutes=15 * number)
        for day in range(days, 0, -1)
        for number in range(48)
        if (MONDAY - timedelta(days=day)).weekday() < 5
    ]
    return [Measures(round(noise.gauss(items, items / 10)), 60.0, start=each) for each in starts]


def test_empty_lists_of_an_app_that_uses_the_hooks_alone_are_odd() -> None:
    usual = [Measures(0, 9.0 + n / 10, 34, 640 + n, 250_000 + n) for n in range(20)]

    assert reasons(Measures(0, 0.1, 2, 0, 4), usual) == [
        "few_calls",
        "few_received",
        "fast",
    ]


def test_nothing_after_noisy_runs_with_items_is_odd() -> None:
    noisy = [Measures(60 + 80 * n // 19, 60.0) for n in range(20)]

    assert reasons(Measures(0, 60.0), noisy) == ["few_items"]
    assert reasons(Measures(60, 60.0), noisy) == []


@given(st.lists(st.integers(1, 10**6), min_size=6, max_size=19))
def test_nothing_after_six_runs_with_items_is_always_odd(items: list[int]) -> None:
    assert "few_items" in reasons(Measures(0, 60.0), [Measures(each, 60.0) for each in items])


def test_nothing_among_small_counts_that_vary_by_chance_is_not_odd() -> None:
    small = [Measures(items, 2.0) for items in (3, 1, 4, 1, 5, 9, 2, 6, 5, 3) * 2]

    assert reasons(Measures(0, 2.0), small) == []
    assert reasons(Measures(0, 2.0), [Measures(3, 2.0)] * 20) == ["few_items"]


@pytest.mark.parametrize("count", [3, 4, 5, 6, 20])
@pytest.mark.parametrize("usual", [8, 100, 10_000])
def test_half_is_odd_for_a_steady_type_from_the_fourth_run_on(count: int, usual: int) -> None:
    steady = [Measures(usual, 60.0)] * count

    assert reasons(Measures(usual // 2, 60.0), steady) == ["few_items"]
    assert reasons(Measures(usual * 5 // 8, 60.0), steady) == []
    assert reasons(Measures(0, 60.0), steady) == ["few_items"]
    assert reasons(Measures(0, 60.0), [Measures(usual * n, 60.0) for n in (2, 3, 1)]) == [
        "few_items"
    ]


def test_few_bytes_are_odd_only_beyond_what_few_items_explain() -> None:
    usual = [Measures(100, 60.0, 10, 100 + n, 40_000 + 390 * n) for n in range(20)]
    unknown = [replace(run, api_items=None) for run in usual]

    assert reasons(Measures(100, 60.0, 10, 100, 4_000), usual) == ["few_bytes"]
    assert reasons(Measures(100, 60.0, 10, 30, 12_000), usual) == ["few_received"]
    assert reasons(Measures(100, 60.0, 10, None, 12_000), unknown) == ["few_bytes"]


def test_few_bytes_less_are_not_odd_even_when_none_are_left() -> None:
    history = [Measures(100, 60.0, 10, 100, 500 + n) for n in range(20)]

    assert reasons(Measures(100, 60.0, 10, 100, 0), history) == []
    many = [replace(run, api_bytes=5000 + n) for n, run in enumerate(history)]
    assert reasons(Measures(100, 60.0, 10, 100, 0), many) == ["few_bytes"]


def test_three_times_the_duration_is_odd_and_more_work_explains_it() -> None:
    hourly = [Measures(100, 300.0 + n, 50) for n in range(20)]

    assert reasons(Measures(100, 900.0, 50), hourly) == ["slow"]
    assert "slow" not in reasons(Measures(290, 900.0, 140), hourly)


def test_a_gap_leaves_more_to_do() -> None:
    runs = every_quarter(14, 100)
    first = Measures(2_000, 900.0, start=MONDAY)

    assert reasons(first, runs) == []
    later = replace(first, start=runs[-1].start and runs[-1].start + timedelta(minutes=15))
    assert reasons(later, runs) == ["many_items"]
    one_left_out = replace(first, start=runs[-1].start and runs[-1].start + timedelta(minutes=30))
    assert reasons(one_left_out, runs) == ["many_items"]
    two_left_out = replace(first, start=runs[-1].start and runs[-1].start + timedelta(minutes=45))
    assert reasons(two_left_out, runs) == []


def test_what_is_usual_at_that_time_of_the_day_is_not_odd() -> None:
    quiet = [replace(run, items=5) if _hour(run) == 7 else run for run in every_quarter(28, 100)]
    last = quiet[-20:]

    assert reasons(Measures(5, 60.0, start=MONDAY), last) == ["few_items"]
    assert reasons(Measures(5, 60.0, start=MONDAY), quiet) == []
    assert reasons(Measures(0, 60.0, start=MONDAY), quiet) == ["few_items"]


def test_the_same_time_of_the_day_is_an_hour_off_after_clocks_changed() -> None:
    busy = every_quarter(28, 100)[-20:]
    quiet = [
        Measures(5, 60.0, start=MONDAY - timedelta(hours=hours)) for hours in (23, 47, 2 * 24 + 25)
    ]

    assert reasons(Measures(5, 60.0, start=MONDAY), [*busy, *quiet]) == []
    assert reasons(Measures(5, 60.0, start=MONDAY), [*busy, *quiet[:2]]) == ["few_items"]


def test_runs_at_the_same_time_are_looked_for_in_the_past_newest_first() -> None:
    windows = same_time_windows(MONDAY)

    hour = timedelta(hours=1, minutes=1)
    day = timedelta(days=1)
    assert windows[0] == (MONDAY - day - hour, MONDAY - day + hour)
    assert windows[-1] == (MONDAY - 28 * day - hour, MONDAY - 28 * day + hour)
    assert windows == sorted(windows, reverse=True)


def _hour(run: Measures) -> int:
    assert run.start is not None
    return run.start.hour


def test_odd_runs_do_not_become_usual_until_they_are_half_of_all() -> None:
    bad = Measures(0, 60.0, is_suspect=True)

    assert reasons(bad, [*USUAL[:11], *[bad] * 9]) == ["few_items"]
    assert reasons(bad, [*USUAL[:9], *[bad] * 11]) == []
