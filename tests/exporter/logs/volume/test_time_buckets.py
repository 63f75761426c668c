"""Time buckets cover the period and have round bounds."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.volume.time_buckets import TimeBuckets

MOMENTS = st.datetimes(timezones=st.just(dt.UTC))


@given(first=MOMENTS, second=MOMENTS, at_most=st.integers(2, 200))
def test_they_cover_the_period(first: dt.datetime, second: dt.datetime, at_most: int) -> None:
    since, until = sorted((first, second))
    if since == until:
        return
    buckets = TimeBuckets.covering(since, until, at_most)
    edges = buckets.edges()
    assert len(edges) == buckets.count + 1 <= at_most + 1
    assert edges[0] <= since
    assert edges[-1] >= until or edges[-1] == dt.datetime.max.replace(tzinfo=dt.UTC)
    assert buckets.start % buckets.step == 0
    assert buckets.index(since) == 0
    assert buckets.index(until - dt.timedelta(microseconds=1)) == buckets.count - 1


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (dt.timedelta(seconds=1), 1),
        (dt.timedelta(hours=1), 60),
        (dt.timedelta(hours=24), 1800),
        (dt.timedelta(days=30), 43200),
        (dt.timedelta(days=365), 7 * 86400),
    ],
)
def test_their_step_is_a_round_one(length: dt.timedelta, step: int) -> None:
    since = dt.datetime(2025, 12, 22, tzinfo=dt.UTC)
    assert TimeBuckets.covering(since, since + length, 60).step == step
