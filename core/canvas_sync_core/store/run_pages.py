"""Lists of runs, newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    or_,
    select,
    true,
    union_all,
)

from .cursors import ListPage, make_cursor, read_cursor
from .model import metrics_table
from .runs import RunRow, to_run
from .stored_times import EARLIEST, LATEST
from .timestamps import UtcDateTime

__all__ = [
    "SINCE",
    "UNTIL",
    "RunList",
    "RunPage",
    "after_cursor",
    "in_period",
    "newest_keys",
]

_start = metrics_table.c.sync_start_time
_number = metrics_table.c.id
_newest_first = (_start.desc(), _number.desc())
SINCE: Final = _start >= bindparam("since", type_=UtcDateTime())
"""Selects runs that started at the parameter ``since`` or later."""
UNTIL: Final = _start < bindparam("until", type_=UtcDateTime())
"""Selects runs that started before the parameter ``until``."""
_LIMIT: Final = bindparam("page_limit", type_=BigInteger())
_START: Final = bindparam("page_start", type_=UtcDateTime())
_NUMBER: Final = bindparam("page_number", type_=BigInteger())
_LATER: Final = or_(_start < _START, _number < _NUMBER)
_AFTER_CURSOR: Final = and_(_start <= _START, _LATER)
_AFTER_LATEST: Final = _LATER
"""Starts that are read as the latest time may be even later, such as infinity."""
_AFTER_EARLIEST: Final = and_(_start <= _START, _number < _NUMBER)
"""Starts that are read as the earliest time may be even earlier: sort these by number."""


@dataclass(frozen=True, slots=True)
class RunPage(ListPage[RunRow]):
    """A page of runs; its own class, because the type of the rows is read from it."""

    items: list[RunRow]


class RunList:
    """A query for pages of runs; prepared once, as building it takes as long as running it.

    Args:
        alternatives: Mutually exclusive filters, combined by UNION ALL; empty means all runs.
    """

    def __init__(self, *alternatives: ColumnElement[bool]) -> None:
        self._alternatives = alternatives

    def page(
        self, connection: Connection, limit: int, cursor: str | None, **values: object
    ) -> RunPage:
        """Read a page.

        Args:
            connection: Where the table is.
            limit: Maximum number of runs.
            cursor: ``next`` of the previous page; None for the first page.
            values: Parameters of the conditions.

        Raises:
            BadCursor: The cursor cannot be read.
        """
        statement, values["page_limit"] = self._first_page, limit + 1
        if cursor is not None:
            start, number = read_cursor(cursor)
            statement = self._page_after(start)
            values["page_start"], values["page_number"] = start, number
        rows = connection.execute(statement, values).all()
        runs = list(map(to_run, rows[:limit]))
        if len(rows) <= limit:
            return RunPage(runs, None)
        return RunPage(runs, make_cursor(runs[-1].sync_start_time, runs[-1].id))

    @cached_property
    def _first_page(self) -> Select[Any]:
        return self._rows(true())

    @cached_property
    def _further_page(self) -> Select[Any]:
        return self._rows(_AFTER_CURSOR)

    def _page_after(self, start: datetime) -> Select[Any]:
        condition = after_cursor(start)
        return self._further_page if condition is _AFTER_CURSOR else self._rows(condition)

    def _rows(self, after: ColumnElement[bool]) -> Select[Any]:
        rows = select(metrics_table).order_by(*_newest_first)
        if len(self._alternatives) < 2:
            return rows.where(after, *self._alternatives).limit(_LIMIT)
        _, number = newest_keys(self._alternatives, after).subquery().c
        return rows.where(_number.in_(select(number))).limit(_LIMIT)


def in_period(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    """Return the condition on runs that started in a period; None means no bound."""
    bounds = []
    if since is not None:
        bounds.append(_start >= since)
    if until is not None:
        bounds.append(_start < until)
    return and_(true(), *bounds)


def after_cursor(start: datetime) -> ColumnElement[bool]:
    """Return the condition on runs that come after a cursor.

    It has the parameters ``page_start`` and ``page_number``, which are the content of the cursor.

    Args:
        start: The start that the cursor contains.
    """
    if start >= LATEST:
        return _AFTER_LATEST
    return _AFTER_EARLIEST if start <= EARLIEST else _AFTER_CURSOR


def newest_keys(
    alternatives: Sequence[ColumnElement[bool]], after: ColumnElement[bool]
) -> Select[Any]:
    """Select start and number of the newest runs, as many as the parameter ``page_limit`` says.

    Args:
        alternatives: Mutually exclusive filters, combined by UNION ALL; empty means all runs.
        after: A further condition.
    """
    keys = select(_start, _number).where(after).order_by(*_newest_first).limit(_LIMIT)
    if len(alternatives) < 2:
        return keys.where(*alternatives)
    parts = [select(keys.where(each).subquery()) for each in alternatives]
    start, number = union_all(*parts).subquery().c
    return select(start, number).order_by(start.desc(), number.desc()).limit(_LIMIT)
