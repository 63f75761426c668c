"""Lists the runs that match any filters, in bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, bindparam, select

from .cursors import make_cursor
from .database import connect_to_read_snapshot
from .model import metrics_table
from .run_filter import RunFilter
from .run_pages import RunList, RunPage
from .run_portions import Portion, portions
from .runs import RunRow, to_run

__all__ = ["RunSearchPage", "newest_runs", "search_runs"]

_SECONDS: Final = 0.2
_PAGE: Final = 500
_ROOM: Final = bindparam("room", type_=BigInteger())


@dataclass(frozen=True, slots=True)
class RunSearchPage(RunPage):
    """A page of the runs that a search found, newest first.

    Attributes:
        items: The runs. There may be fewer than ``limit``, or none, although there is a ``next``:
            a search for rare runs answers after a short time with those found so far.
        next: Cursor of the next page; None when this is the last.
        searched_to: Start of the oldest run that was compared with the filters, if the page ends
            there because the time was up; else None.
    """

    searched_to: datetime | None = None


def search_runs(
    engine: Engine,
    wanted: RunFilter,
    limit: int,
    cursor: str | None = None,
    *,
    seconds: float = _SECONDS,
) -> RunSearchPage:
    """List the runs that match all filters, newest first.

    Args:
        engine: The database with the table.
        wanted: The filters.
        limit: Maximum number of runs.
        cursor: ``next`` of the previous page; None for the first page.
        seconds: How long to search; only filters without an index take long.

    Raises:
        BadCursor: The cursor cannot be read.
        SQLAlchemyError: The database is unreachable.
    """
    remaining = wanted.remaining()
    # Portions are found by one statement and read by another: both must see the same runs.
    with connect_to_read_snapshot(engine) as connection:
        if remaining is None:
            page = RunList(*wanted.indexed()).page(connection, limit, cursor)
            return RunSearchPage(page.items, page.next)
        found: list[RunRow] = []
        for portion in portions(connection, wanted, cursor, seconds):
            found += _matches(connection, portion, remaining, limit + 1 - len(found))
            if len(found) > limit:
                last = found[limit - 1]
                return RunSearchPage(found[:limit], make_cursor(last.sync_start_time, last.id))
    if portion.end is None:
        return RunSearchPage(found, None)
    return RunSearchPage(found, make_cursor(*portion.end), searched_to=portion.end[0])


def newest_runs(engine: Engine, wanted: RunFilter, limit: int) -> tuple[list[RunRow], bool]:
    """Read the newest runs, page by page, however long it takes.

    Returns:
        At most ``limit`` runs, and whether there are more.
    """
    found: list[RunRow] = []
    cursor: str | None = None
    while True:
        page = search_runs(engine, wanted, min(_PAGE, limit - len(found)), cursor)
        found += page.items
        cursor = page.next
        if cursor is None or len(found) >= limit:
            return found, cursor is not None


def _matches(
    connection: Connection, portion: Portion, remaining: ColumnElement[bool], room: int
) -> list[RunRow]:
    start, number = portion.keys.subquery().c
    statement: Any = (
        select(metrics_table)
        .join_from(start.table, metrics_table, metrics_table.c.id == number)
        .where(remaining)
        .order_by(start.desc(), number.desc())
        .limit(_ROOM)
    )
    rows = connection.execute(statement, {**portion.parameters, "room": room})
    return list(map(to_run, rows))
