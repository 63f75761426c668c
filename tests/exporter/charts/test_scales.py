"""Axes of charts."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.charts.scales import (
    TimeAxis,
    day_label,
    decades,
    duration_ticks,
    seconds_label,
    spread_labels,
    ticks,
    time_axis,
)

SECONDS = st.floats(min_value=0, max_value=1e9)
DAYS = st.dates(min_value=dt.date(2024, 1, 1), max_value=dt.date(2026, 12, 31))


@given(SECONDS)
def test_ticks_begin_at_zero_and_reach_the_largest_value_in_few_even_steps(largest: float) -> None:
    marks = ticks(largest)
    assert marks[0] == 0
    assert marks[-1] >= largest * (1 - 1e-6)
    assert 2 <= len(marks) <= 6
    steps = [after - before for before, after in pairwise(marks)]
    assert steps == pytest.approx([steps[0]] * len(steps))


@given(SECONDS)
def test_durations_have_few_even_ticks_too_and_each_has_its_own_label(longest: float) -> None:
    marks = duration_ticks(longest)
    assert marks[0] == 0
    assert marks[-1] >= longest * (1 - 1e-6)
    assert 2 <= len(marks) <= 6
    steps = [after - before for before, after in pairwise(marks)]
    assert steps == pytest.approx([steps[0]] * len(steps))
    assert len(set(map(seconds_label, marks))) == len(marks)


def test_long_durations_have_ticks_at_whole_minutes_and_hours() -> None:
    assert duration_ticks(1270.0) == [0, 600, 1200, 1800]
    assert duration_ticks(30_000.0) == [0, 10_800, 21_600, 32_400]
    assert duration_ticks(100.0) == [0, 50, 100]


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_counted_has_ticks_at_whole_numbers(largest: int) -> None:
    assert all(mark == round(mark) for mark in ticks(largest, least=1))


@given(SECONDS, SECONDS)
def test_a_logarithmic_axis_encloses_its_range_in_powers_of_ten(one: float, other: float) -> None:
    marks = decades(min(one, other), max(one, other))
    assert len(marks) >= 2
    assert marks[0] <= max(min(one, other), 1e-4) * (1 + 1e-6)
    assert marks[-1] >= max(one, other) * (1 - 1e-6)


@given(st.integers(min_value=1, max_value=2000))
def test_a_few_places_get_a_label_including_the_first_and_the_last(count: int) -> None:
    positions = spread_labels(count)
    assert (positions[0], positions[-1]) == (0, count - 1)
    assert len(positions) <= 7
    assert positions == sorted(set(positions))


@given(st.lists(DAYS, min_size=1, unique=True).map(sorted))
def test_each_day_is_placed_by_the_calendar(days: list[dt.date]) -> None:
    names = [day.isoformat() for day in days]
    axis = time_axis(names)
    assert [axis.names[place] for place in axis.places] == names


def test_a_day_without_lines_has_its_place() -> None:
    axis = time_axis(["2025-11-28", "2025-12-01"])
    assert axis.names == ["2025-11-28", "2025-11-29", "2025-11-30", "2025-12-01"]
    assert axis.places == [0, 3]
    assert axis.period == "2025-11-28 to 2025-12-01"


@pytest.mark.parametrize(
    "names", [["2025-11", "2026-01"], ["0001-01-01", "9999-12-31"], ["2025-11-28", "other"]]
)
def test_names_that_are_not_consecutive_days_are_placed_side_by_side(names: list[str]) -> None:
    assert time_axis(names) == TimeAxis(names, range(2))


def test_labels_are_short() -> None:
    assert day_label("2025-11-08") == "Nov 8"
    assert day_label("2025-11") == "Nov 2025"
    assert day_label("other") == "other"
    assert [seconds_label(each) for each in (0, 0.0001, 0.05, 1, 2.5, 60, 1000)] == [
        "0",
        "0.1 ms",
        "50 ms",
        "1 s",
        "2.5 s",
        "60 s",
        "1,000 s",
    ]
    assert [seconds_label(each) for each in (120, 150, 900, 3600, 9000, 86_400)] == [
        "2 min",
        "2.5 min",
        "15 min",
        "60 min",
        "2.5 h",
        "24 h",
    ]
