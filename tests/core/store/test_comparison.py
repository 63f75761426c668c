"""What is odd about a run, beside the last ones of its kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import SUSPECT_REASONS
from canvas_sync_core.store.comparison import Measures, anomalies

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
def test_a_run_is_odd_that_is_far_off(items: int, duration: float, expected: list[str]) -> None:
    assert reasons(Measures(items, duration)) == expected


def test_the_oddity_is_told_with_numbers() -> None:
    first, second = anomalies(Measures(12, 1.5), USUAL)

    assert first.text == "few_items: 12 items where 1047.5 are usual"
    assert second.text == "fast: 1.5 s where 69.5 s are usual"


@pytest.mark.parametrize("count", range(5))
def test_too_short_a_history_tells_nothing(count: int) -> None:
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

    assert len(found) <= 2
    assert set(found) <= set(SUSPECT_REASONS)
    assert not {"few_items", "many_items"} <= set(found)
    assert not {"fast", "slow"} <= set(found)


@given(RUNS, st.lists(RUNS, min_size=5, max_size=30))
def test_the_order_of_the_history_does_not_matter(run: Measures, earlier: list[Measures]) -> None:
    assert reasons(run, earlier) == reasons(run, sorted(earlier, key=repr))


@given(RUNS, st.integers(5, 30))
def test_a_run_like_all_before_it_is_not_odd(run: Measures, count: int) -> None:
    assert reasons(run, [run] * count) == []
