"""How a token's quota stands, from what its calls told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.quota import (
    HIGH_WATER,
    LEAK_RATE,
    PACE_SECONDS,
    PRECHARGE,
    Bucket,
    Pace,
    TokenReading,
    quota_of,
    safe_concurrency,
)

NOW = 1.8e9
COSTS = st.floats(0, 100)
SECONDS = st.floats(0, 1000)
CALLS = st.lists(st.tuples(st.floats(0, 30), COSTS, st.floats(0, 30)), min_size=1, max_size=30)
READINGS = st.lists(
    st.builds(
        TokenReading,
        remaining=st.floats(-200, 700),
        maximum=st.floats(0, 700),
        seen=st.floats(NOW - 1000, NOW + 5),
        cost_per_second=COSTS,
        concurrency=st.floats(0, 50),
    ),
    min_size=1,
    max_size=5,
)


def pace_of(calls: list[tuple[float, float, float]]) -> Pace:
    """The pace after calls, each so many seconds after the one before."""
    pace, time = Pace(NOW, NOW), NOW
    for pause, cost, duration in calls:
        time += pause
        pace = pace.after(time, cost, duration)
    return pace


def test_a_first_call_counts_as_if_it_were_the_only_one_of_a_second() -> None:
    pace = Pace(NOW, NOW).after(NOW + 0.01, 5.0, 0.01)
    assert pace.rates == pytest.approx((5.0, 0.01), rel=0.02)


def test_calls_of_more_than_a_second_count_for_the_time_that_they_took() -> None:
    assert pace_of([(2.0, 6.0, 2.0)]).rates == pytest.approx((3.0, 1.0), rel=0.02)


def reading(**changes: float) -> TokenReading:
    """A token at rest, but for ``changes``."""
    given = {
        "remaining": HIGH_WATER,
        "maximum": HIGH_WATER,
        "seen": NOW,
        "cost_per_second": 0.0,
        "concurrency": 0.0,
    }
    return TokenReading(**{**given, **changes})


@pytest.mark.parametrize("count", [20, 200, 2000])
def test_a_steady_flow_of_calls_shows_its_true_pace_from_the_first_seconds(count: int) -> None:
    """Two calls a second, each of a cost of 3 and 1.5 seconds long."""
    cost_per_second, concurrency = pace_of([(0.5, 3.0, 1.5)] * count).rates

    assert cost_per_second == pytest.approx(6.0, rel=0.1)
    assert concurrency == pytest.approx(3.0, rel=0.2)


@given(CALLS)
def test_a_pace_is_never_negative_and_never_more_than_everything_at_once(
    calls: list[tuple[float, float, float]],
) -> None:
    cost_per_second, concurrency = pace_of(calls).rates

    assert 0.0 <= cost_per_second <= sum(cost for _, cost, _ in calls) * 1.01
    assert 0.0 <= concurrency <= sum(duration for _, _, duration in calls) * 1.01


@given(CALLS, SECONDS)
def test_a_clock_that_goes_back_changes_no_pace_for_the_worse(
    calls: list[tuple[float, float, float]], back: float
) -> None:
    before = pace_of(calls)
    after = before.after(before.time - back, 0.0, 0.0)

    assert after.time == before.time
    assert after.cost == before.cost


@given(READINGS, st.floats(NOW, NOW + 5000))
def test_the_remaining_quota_is_between_the_newest_reading_and_the_maximum(
    readings: list[TokenReading], now: float
) -> None:
    quota = quota_of("t", readings, now)
    newest = max(each.seen for each in readings)

    assert quota.remaining <= quota.maximum
    assert quota.remaining >= min(each.remaining for each in readings if each.seen == newest)
    assert quota.maximum >= HIGH_WATER
    assert quota.safe_concurrency >= 1
    assert quota.seconds_until_empty is None or quota.seconds_until_empty >= 0.0


@given(READINGS)
def test_a_token_that_nobody_uses_recovers(readings: list[TokenReading]) -> None:
    later = quota_of("t", readings, NOW + 3600)

    assert later.remaining == later.maximum
    assert later.cost_per_second == pytest.approx(0.0, abs=1e-9)
    assert later.seconds_until_empty is None


@given(READINGS, READINGS)
def test_the_paces_of_several_processes_add_up(
    some: list[TokenReading], others: list[TokenReading]
) -> None:
    together = quota_of("t", [*some, *others], NOW)
    separate = [quota_of("t", each, NOW) for each in (some, others)]

    assert together.cost_per_second == pytest.approx(sum(each.cost_per_second for each in separate))
    assert together.concurrency == pytest.approx(sum(each.concurrency for each in separate))


def test_the_newest_process_knows_what_is_left() -> None:
    stale = reading(remaining=3.0, seen=NOW - 1)
    fresh = reading(remaining=120.0, seen=NOW)

    assert quota_of("t", [fresh, stale], NOW).remaining == 120.0
    assert quota_of("t", [fresh, stale], NOW + 2).remaining == 120.0 + 2 * LEAK_RATE


def test_the_bucket_is_empty_when_the_pace_beyond_the_leak_rate_has_used_it_up() -> None:
    quota = quota_of("t", [reading(remaining=300.0, cost_per_second=LEAK_RATE + 5)], NOW)

    assert quota.seconds_until_empty == pytest.approx(60.0)


@pytest.mark.parametrize("cost", [0.0, 5.0, LEAK_RATE])
def test_a_pace_up_to_the_leak_rate_never_empties_it(cost: float) -> None:
    assert quota_of("t", [reading(cost_per_second=cost)], NOW).seconds_until_empty is None


def test_a_higher_mark_is_learned() -> None:
    assert quota_of("t", [reading(maximum=699.5)], NOW).maximum == 699.5


def test_requests_in_flight_are_bounded_by_their_precharges() -> None:
    """11 of them hold 550 of 600; with a twelfth the bucket would stand at the mark."""
    assert safe_concurrency(600.0, 0.0, 0.0) == 11
    assert safe_concurrency(700.0, 0.0, 0.0) == 13


def test_requests_in_flight_are_bounded_by_what_they_really_cost() -> None:
    """4 in flight cost 20 a second: 2 cost as much as leaks out."""
    assert safe_concurrency(600.0, 20.0, 4.0) == 2
    assert safe_concurrency(600.0, 1000.0, 1.0) == 1


@given(st.floats(1, 10_000), COSTS, st.floats(0, 100))
def test_the_safe_concurrency_never_fills_the_bucket(
    maximum: float, cost: float, concurrency: float
) -> None:
    safe = safe_concurrency(maximum, cost, concurrency)

    assert safe == 1 or safe * PRECHARGE < maximum
    if safe > 1 and cost > 0:
        assert safe * cost <= LEAK_RATE * concurrency * (1 + 1e-9)


def test_a_call_fades_to_a_third_within_the_time_of_the_pace() -> None:
    used = reading(cost_per_second=6.0)

    assert quota_of("t", [used], NOW + PACE_SECONDS).cost_per_second == pytest.approx(6 / math.e)


@given(level=st.floats(0, 1_000), reserve=st.floats(0, 500), mark=st.floats(600, 1_000))
def test_a_request_that_waits_for_quota_leaves_what_leaks_out_in_a_second(
    level: float, reserve: float, mark: float
) -> None:
    """It may be a second longer on its way than one before it, which Canvas still counts then."""
    bucket = Bucket(0.0, level, mark)
    wait = bucket.seconds_until_room(reserve)
    full = bucket.at(wait).begun().level
    assert full + LEAK_RATE < mark - reserve or wait > level / LEAK_RATE
    if wait > 0.01:
        assert bucket.at(wait - 0.01).begun().level + LEAK_RATE >= mark - reserve


def test_a_request_that_ended_counts_only_with_its_cost() -> None:
    assert Bucket(0.0, 100.0).begun().ended(1.5, None, throttled=False).level == 101.5


def test_a_clock_that_goes_back_neither_fills_nor_empties_the_bucket() -> None:
    assert Bucket(10.0, 50.0).at(5.0) == Bucket(10.0, 50.0)
