"""Cursors of lists that are read page by page."""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, MetaData, Table, create_engine, select

from canvas_sync_core.store.cursors import BadCursor, make_cursor, page_newest_first, read_cursor
from canvas_sync_core.store.timestamps import UtcDateTime

TIMES = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC))
NUMBERS = st.integers(-(2**63), 2**63 - 1)
_table = Table(
    "things",
    MetaData(),
    Column("number", BigInteger, primary_key=True),
    Column("seen_at", UtcDateTime()),
)
KEY = (_table.c.seen_at, _table.c.number)


@given(TIMES, NUMBERS)
def test_a_cursor_returns_the_time_and_the_number_that_it_was_made_of(
    time: datetime, number: int
) -> None:
    assert read_cursor(make_cursor(time, number)) == (time, number)


@given(st.text(max_size=60))
def test_a_text_is_either_a_cursor_or_rejected(text: str) -> None:
    with contextlib.suppress(BadCursor):
        time, number = read_cursor(text)
        assert read_cursor(make_cursor(time, number)) == (time, number)


@pytest.mark.parametrize("content", ["1", "1.", ".1", "1.2.3", f"1.{2**63}", f"{10**18}.1", "a.b"])
def test_what_no_page_wrote_is_rejected(content: str) -> None:
    with pytest.raises(BadCursor, match="use `next` of the previous page"):
        read_cursor(base64.urlsafe_b64encode(content.encode()).decode())


@given(st.lists(st.sampled_from([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)])))
def test_pages_contain_each_row_once_newest_first(times: list[datetime]) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _table.create(connection)
        for number, time in enumerate(times):
            connection.execute(_table.insert(), {"number": number, "seen_at": time})
        seen: list[tuple[datetime, int]] = []
        cursor: str | None = None
        while True:
            page = page_newest_first(connection, select(_table), KEY, 2, cursor)
            assert len(page.items) <= 2
            seen += [(row.seen_at, row.number) for row in page.items]
            cursor = page.next
            if cursor is None:
                break
    engine.dispose()
    expected = [(time, number) for number, time in enumerate(times)]
    assert seen == sorted(expected, reverse=True)
