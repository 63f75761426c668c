"""Reads runs from the newest to older ones in portions, for filters that no index serves.

An index selects the newest runs of each portion, and the remaining filters are applied to these
rows alone. So each statement takes a bounded time, however many runs there are and however few of
them match.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, bindparam, select, true

from .cursors import read_cursor
from .model import metrics_table
from .run_filter import RunFilter
from .run_pages import after_cursor, newest_keys

__all__ = ["Portion", "portions"]

_FIRST: Final = 1_000
_GROWTH: Final = 4
_LARGEST: Final = 16_000
_SHORTEST: Final = 1e-6
"""Seconds: clocks may give the same time twice."""
_LAST_OF_PORTION: Final = bindparam("portion_offset", type_=BigInteger())
_columns = metrics_table.c


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive runs that an index selects, newest first.

    Attributes:
        keys: Selects their start and number.
        parameters: The parameters of ``keys``.
        end: Start and number of the last one; None if there are no older ones.
    """

    keys: Select[Any]
    parameters: dict[str, Any]
    end: tuple[datetime, int] | None


def portions(
    connection: Connection, wanted: RunFilter, cursor: str | None, seconds: float
) -> Iterator[Portion]:
    """Yield portions until there are no older runs or the time is up; always at least one.

    Args:
        connection: Where the table is.
        wanted: The filters; those with an index select the portions.
        cursor: The cursor of a page; None to begin with the newest run.
        seconds: After this time, no further portion begins.

    Raises:
        BadCursor: The cursor cannot be read.
    """
    deadline = time.monotonic() + seconds
    alternatives = wanted.indexed()
    after = read_cursor(cursor) if cursor is not None else None
    size = _FIRST
    while True:
        began = time.monotonic()
        condition = true() if after is None else after_cursor(after[0])
        keys = newest_keys(alternatives, condition)
        parameters: dict[str, Any] = {"page_limit": size}
        if after is not None:
            parameters |= {"page_start": after[0], "page_number": after[1]}
        after = _last(connection, keys, parameters)
        yield Portion(keys, parameters, after)
        now = time.monotonic()
        if after is None or now >= deadline:
            return
        # A portion that takes longer than what is left would keep the reader waiting after its end.
        affordable = int(size * (deadline - now) / max(now - began, _SHORTEST))
        size = min(size * _GROWTH, _LARGEST, max(affordable, _FIRST))


def _last(
    connection: Connection, keys: Select[Any], parameters: dict[str, Any]
) -> tuple[datetime, int] | None:
    """Return the last key of a full portion; None if the portion is not full."""
    start, number = keys.subquery().c
    last = select(start, number).order_by(start.desc(), number.desc()).offset(_LAST_OF_PORTION)
    offset = {"portion_offset": parameters["page_limit"] - 1}
    row = connection.execute(last.limit(1), parameters | offset).first()
    return None if row is None else (row[0], row[1])
