"""Sets of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.judge.time_ranges import TimeRange, intersection, subtraction, union

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5)


def _ranges(pairs: list[tuple[int, int]]) -> list[TimeRange]:
    return union(
        (BEGIN + timedelta(hours=first), BEGIN + timedelta(hours=second)) for first, second in pairs
    )


def _hours(ranges: list[TimeRange]) -> set[int]:
    hours = ((start - BEGIN, end - BEGIN) for start, end in ranges)
    return {
        hour
        for start, end in hours
        for hour in range(int(start.total_seconds()) // 3600, int(end.total_seconds()) // 3600)
    }


@given(PAIRS)
def test_a_union_has_each_time_once_and_in_order(pairs: list[tuple[int, int]]) -> None:
    ranges = _ranges(pairs)

    assert _hours(ranges) == {hour for first, second in pairs for hour in range(first, second)}
    assert all(before[1] < after[0] for before, after in pairwise(ranges))


@given(PAIRS, PAIRS)
def test_intersection_and_subtraction_are_those_of_sets(
    first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    one, other = _ranges(first), _ranges(second)

    assert _hours(intersection(one, other)) == _hours(one) & _hours(other)
    assert _hours(subtraction(one, other)) == _hours(one) - _hours(other)
