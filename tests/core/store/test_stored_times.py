"""Times are stored by SQLite as texts, and read as they sort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.store.stored_times import (
    EARLIEST,
    LATEST,
    RFC3339_LENGTH,
    limited,
    read_sorted_time,
    sorts_as,
    time_text,
)

_NOON = datetime(2025, 12, 22, 12, 0, 0, 5, tzinfo=UTC)
_TIMES = st.datetimes(
    EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC)
)


def test_a_stored_time_has_a_fixed_length_and_is_in_utc() -> None:
    local = _NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert time_text(_NOON) == time_text(local) == "2025-12-22T12:00:00.000005Z"
    assert len(time_text(_NOON)) == RFC3339_LENGTH


@given(_TIMES)
def test_what_is_stored_is_read(moment: datetime) -> None:
    assert read_sorted_time(time_text(moment)) == moment
    assert sorts_as(time_text(moment)) == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2025-12-22 12:00:00.000000Z", datetime(2025, 12, 21, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2025-12-22T12:00:00,000000Z", datetime(2025, 12, 22, 11, 59, 59, 999_999, tzinfo=UTC)),
        ("2025-12-22", datetime(2025, 12, 21, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2025-13-45T12:00:00.000000Z", datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("never", LATEST),
        ("", EARLIEST),
        (b"bytes", LATEST),
        (7, EARLIEST),
        (None, EARLIEST),
    ],
)
def test_anything_else_is_read_as_the_time_at_which_it_sorts(value: Any, moment: datetime) -> None:
    assert read_sorted_time(value) == moment


@pytest.mark.parametrize(
    ("moment", "read"),
    [
        (_NOON, _NOON),
        (EARLIEST - timedelta(days=1), EARLIEST),
        (LATEST + timedelta(days=1), LATEST),
        (EARLIEST, EARLIEST),
        (LATEST, LATEST),
    ],
)
def test_a_time_has_a_date_in_every_time_zone(moment: datetime, read: datetime) -> None:
    assert limited(moment) == read
    elsewhere = limited(moment.astimezone(timezone(timedelta(hours=1))))
    assert (elsewhere, elsewhere.tzinfo) == (read, UTC)
