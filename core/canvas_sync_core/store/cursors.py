"""Cursors of lists that are read page by page, newest first."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, Connection, Row, Select, and_, or_

__all__ = ["BadCursor", "ListPage", "make_cursor", "page_newest_first", "read_cursor"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_CURSOR: Final = re.compile(r"(-?[0-9]{1,18})\.(-?[0-9]{1,19})")
_NUMBERS: Final = range(-(2**63), 2**63)
_Item = TypeVar("_Item")
_Other = TypeVar("_Other")


class BadCursor(ValueError):  # noqa: N818 - the name says it all
    """A cursor that was not created by a page."""


@dataclass(frozen=True, slots=True)
class ListPage(Generic[_Item]):
    """A page of a list, newest first.

    Attributes:
        next: Cursor of the next page; None when this is the last.
    """

    items: list[_Item]
    next: str | None

    def map(self, convert: Callable[[_Item], _Other]) -> ListPage[_Other]:
        """Return the page with each item converted."""
        return ListPage(list(map(convert, self.items)), self.next)


def page_newest_first(
    connection: Connection,
    rows: Select[Any],
    key: tuple[Column[datetime], Column[int]],
    limit: int,
    cursor: str | None,
) -> ListPage[Row[Any]]:
    """Read a page of rows that are sorted by time and number, newest first.

    Args:
        connection: Where the table is.
        rows: What to list; it selects both columns of the key, and has no order yet.
        key: The columns of the time and of the number, which no two rows share.
        limit: Maximum number of rows.
        cursor: ``next`` of the previous page; None for the first page.

    Raises:
        BadCursor: The cursor cannot be read.
    """
    time, number = key
    if cursor is not None:
        last_time, last_number = read_cursor(cursor)
        is_same_time = and_(time == last_time, number < last_number)
        rows = rows.where(or_(time < last_time, is_same_time))
    newest_first = rows.order_by(time.desc(), number.desc())
    found = list(connection.execute(newest_first.limit(limit + 1)))
    if len(found) <= limit:
        return ListPage(found, None)
    last = found[limit - 1]
    return ListPage(
        found[:limit], make_cursor(getattr(last, time.name), getattr(last, number.name))
    )


def make_cursor(time: datetime, number: int) -> str:
    """Return the cursor for the page after an item, from its time and number."""
    microseconds = (time - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(f"{microseconds}.{number}".encode()).rstrip(b"=").decode()


def read_cursor(cursor: str) -> tuple[datetime, int]:
    """Parse a cursor: the time by which the list is sorted, and a number.

    Raises:
        BadCursor: It was not created by :func:`make_cursor`.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        decoded = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        return _parse_cursor(decoded)
    except (OverflowError, ValueError):
        message = "This is not a cursor of this list; use `next` of the previous page."
        raise BadCursor(message) from None


def _parse_cursor(decoded: str) -> tuple[datetime, int]:
    parts = _CURSOR.fullmatch(decoded)
    if parts is None or int(parts[2]) not in _NUMBERS:
        raise ValueError(decoded)
    return _EPOCH + int(parts[1]) * _MICROSECOND, int(parts[2])  # or OverflowError
