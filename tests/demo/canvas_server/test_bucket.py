"""The throttle's arithmetic, with a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_demo.canvas_server import LeakyBucket, ThrottleLimits

LIMITS = ThrottleLimits()

_actions = st.lists(
    st.tuples(
        st.floats(0, 100, allow_nan=False),
        st.one_of(st.none(), st.floats(0, 300, allow_nan=False)),
    ),
    max_size=60,
)


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(_actions)
def test_a_bucket_says_what_the_leak_the_costs_and_the_refunds_add_up_to(
    actions: list[tuple[float, float | None]],
) -> None:
    """Each action: time passes, then a request starts (None) or ends with a cost."""
    clock = Clock()
    bucket = LeakyBucket(LIMITS, clock)
    level = 0.0
    for seconds, cost in actions:
        clock.now += seconds
        level = max(0.0, level - 10 * seconds)
        if cost is None:
            level = min(800.0, level + 50)
            assert bucket.reserve() == (bucket.remaining > 0)
        else:
            level = min(800.0, max(0.0, level + cost - 50))
            bucket.refund(cost)
        assert bucket.remaining == pytest.approx(600 - level, abs=1e-6)
        assert -200 <= bucket.remaining <= 600


@given(_actions)
def test_a_bucket_left_alone_for_80_seconds_is_empty_again(
    actions: list[tuple[float, float | None]],
) -> None:
    clock = Clock()
    bucket = LeakyBucket(LIMITS, clock)
    for seconds, cost in actions:
        clock.now += seconds
        if cost is None:
            bucket.reserve()
        else:
            bucket.refund(cost)
    clock.now += 80
    bucket.reserve()
    bucket.refund(0)
    assert bucket.remaining == 600


def test_the_twelfth_request_at_once_is_refused_and_ends_with_some_quota_left() -> None:
    """Which is why "remaining <= 0" does not tell a throttled answer."""
    bucket = LeakyBucket(LIMITS, Clock())
    assert [bucket.reserve() for _ in range(12)] == [True] * 11 + [False]
    bucket.refund(0)
    assert bucket.remaining == 50


def test_a_client_with_one_request_at_a_time_is_never_throttled() -> None:
    """Canvas's docs promise it for requests that cost less than what leaks in their time."""
    clock = Clock()
    bucket = LeakyBucket(LIMITS, clock)
    for _ in range(2000):
        assert bucket.reserve()
        clock.now += 0.2
        bucket.refund(0.2)


def test_a_quota_that_something_else_spent_comes_back_at_ten_per_second() -> None:
    clock = Clock()
    bucket = LeakyBucket(LIMITS, clock)
    bucket.fill_to(620)
    assert not bucket.reserve()
    bucket.refund(0)
    clock.now += 6.9
    assert not bucket.reserve()
    bucket.refund(0)
    clock.now += 0.2
    assert bucket.reserve()


def test_a_bucket_holds_no_more_than_its_maximum() -> None:
    bucket = LeakyBucket(ThrottleLimits(maximum=700), Clock())
    bucket.fill_to(5000)
    assert bucket.remaining == -100
