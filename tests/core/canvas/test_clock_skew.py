"""What the ``Date`` of an answer proves about our clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.clock_skew import clock_skew, parse_date

_NOON = 1_766_404_800.0


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Thu, 29 Feb 2024 23:59:59 GMT", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_date_is_read(value: str, moment: datetime) -> None:
    assert parse_date(value) == moment.timestamp()


@pytest.mark.parametrize(
    "value",
    [
        *("", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET"),
        *("Sun, 31 Feb 2024 08:49:37 GMT", "Sun, 06 Abc 2024 08:49:37 GMT"),
        *("Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"),
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_text_that_is_not_a_date_is_read_as_none(value: str) -> None:
    assert parse_date(value) is None


@given(
    offset=st.floats(-1e6, 1e6),
    duration=st.floats(0.0, 60.0),
    share=st.floats(0.0, 1.0),
    start=st.floats(_NOON, _NOON + 10),
)
def test_no_more_than_the_real_difference_is_claimed(
    offset: float, duration: float, share: float, start: float
) -> None:
    """Short of it by the duration and a second at most."""
    end = start + duration
    sent = float(int(start + share * duration - offset))
    skew = clock_skew(sent, start, end)
    assert abs(skew) <= abs(offset) + 1e-6
    assert skew * offset >= 0.0
    assert abs(offset) - abs(skew) <= duration + 1.0 + 1e-6


def test_a_correct_clock_has_no_difference_however_long_a_request_takes() -> None:
    for second in range(31):
        assert clock_skew(_NOON + second, _NOON + 0.9, _NOON + 30.5) == 0.0
