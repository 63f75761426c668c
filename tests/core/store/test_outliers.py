"""Values are compared with the usual ones, be they steady or noisy, large or small."""

from __future__ import annotations

import pytest

from canvas_sync_core.store.outliers import Usual

STEADY = [100.0] * 10
NOISY = [40.0, 60.0, 80.0, 90.0, 100.0, 110.0, 130.0, 160.0, 220.0, 300.0]


@pytest.mark.parametrize(
    ("values", "value", "floor", "expected"),
    [
        (STEADY, 200.0, 0.0, True),
        (STEADY, 199.9, 0.0, False),
        (STEADY, 200.0, 99.9, True),
        (STEADY, 200.0, 100.0, False),
        ([0.0] * 10, 5.0, 0.0, False),
        ([*STEADY, 180.0], 216.0, 0.0, False),
        ([*STEADY, 180.0], 217.0, 0.0, True),
        (NOISY, 1200.0, 0.0, True),
        (NOISY, 500.0, 0.0, False),
        ([90.0, 100.0, 130.0], 200.0, 0.0, False),
        ([90.0, 100.0, 130.0], 300.0, 0.0, True),
    ],
)
def test_a_value_is_far_above_by_factor_floor_and_noise(
    values: list[float], value: float, floor: float, expected: bool
) -> None:
    assert Usual(values, is_count=False).is_far_above(value, floor) is expected


def test_the_factor_above_may_be_another() -> None:
    assert not Usual(STEADY, is_count=False).is_far_above(250.0, 0.0, factor=3.0)
    assert Usual(STEADY, is_count=False).is_far_above(300.0, 0.0, factor=3.0)


@pytest.mark.parametrize(
    ("values", "value", "floor", "expected"),
    [
        (STEADY, 50.0, 0.0, True),
        (STEADY, 50.1, 0.0, False),
        (STEADY, 50.0, 49.9, True),
        (STEADY, 50.0, 50.0, False),
        (NOISY, 30.0, 0.0, False),
        (NOISY, 1.0, 0.0, True),
        ([*STEADY, 40.0], 45.0, 0.0, True),
        ([*NOISY, 1.0], 1.0, 0.0, False),
    ],
)
def test_a_value_is_far_below_by_half_floor_and_noise(
    values: list[float], value: float, floor: float, expected: bool
) -> None:
    assert Usual(values, is_count=False).is_far_below(value, floor) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([9.0] * 6, True),
        ([1.0] * 6, True),
        ([1.0, 2.0, 3.0, 2.0, 4.0], False),
        ([1.0] * 5 + [0.0], False),
        ([1.0, 2.0, 3.0, 9.0] * 5, False),
        ([90.0, 100.0] * 10, True),
    ],
)
def test_a_count_of_zero_is_odd_where_it_never_was_and_is_unlikely(
    values: list[float], expected: bool
) -> None:
    assert Usual(values, is_count=True).is_far_below(0.0, floor=1000.0) is expected
    assert not Usual(values, is_count=False).is_far_below(0.0, floor=1000.0)


def test_small_counts_vary_by_chance_and_measures_do_not() -> None:
    values = [2.0, 4.0, 3.0, 5.0, 4.0, 6.0, 3.0, 4.0, 5.0, 4.0]
    assert Usual(values, is_count=False).is_far_above(20.0, 0.0)
    assert not Usual(values, is_count=True).is_far_above(14.0, 0.0)
    assert Usual(values, is_count=True).is_far_above(30.0, 0.0)
    assert Usual([4.0] * 10, is_count=True).is_far_above(9.0, 0.0), "steadier than chance"
