"""A field of a log line may have any type."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.line_fields import (
    count_field,
    earlier,
    number_field,
    seconds_field,
    sum_of_fields,
    text_field,
)

_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(_ANY)
def test_a_field_of_any_type_is_read_or_counts_as_missing(value: object) -> None:
    fields = {"x": value}
    assert text_field(fields, "x") is None or isinstance(value, str)
    number, seconds = number_field(fields, "x"), seconds_field(fields, "x")
    assert number is None or abs(number) <= 1e9
    assert (seconds is None) == (number is None)
    assert seconds is None or seconds >= 0
    count = count_field(fields, "x")
    assert count is None or 0 <= count < 2**63
    assert sum_of_fields(fields, "x", "missing") == seconds


@given(st.datetimes(timezones=st.just(UTC)), st.floats(0, 1e9))
def test_subtracting_seconds_gives_an_earlier_time_or_the_same(
    time: datetime, seconds: float
) -> None:
    assert earlier(time, seconds) <= time
