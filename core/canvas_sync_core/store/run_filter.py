"""Runs chosen by status, sync type, user, course, machine, time and suspicion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Final

from sqlalchemy import ColumnElement, Engine, and_, true

from .database import connect_to_read
from .model import metrics_table
from .pages import Page, RunList
from .runs import RunRow

__all__ = ["RunFilter", "filtered_runs", "newest_runs"]

_PAGE: Final = 500
_columns = metrics_table.c


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; what is None or empty does not matter.

    Attributes:
        host: The machine on which the run was.
        is_suspect: Only runs that are far off their history.
        since: Runs that started then or later.
        until: Runs that started before then.
    """

    statuses: tuple[str, ...] = ()
    sync_types: tuple[str, ...] = ()
    user_id: int | None = None
    course_id: int | None = None
    host: str | None = None
    is_suspect: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def alternatives(self) -> list[ColumnElement[bool]]:
        """Return conditions that exclude each other, so that an index serves each."""
        shared = and_(true(), *self._shared())
        statuses = [_columns.sync_status == status for status in self.statuses] or [true()]
        sync_types = [_columns.sync_type == name for name in self.sync_types] or [true()]
        return [and_(*both, shared) for both in product(statuses, sync_types)]

    def _shared(self) -> Iterator[ColumnElement[bool]]:
        for column, wanted in (
            (_columns.user_id, self.user_id),
            (_columns.course_id, self.course_id),
            (_columns.host, self.host),
        ):
            if wanted is not None:
                yield column == wanted
        if self.is_suspect:
            yield _columns.suspect.is_(True)
        if self.since is not None:
            yield _columns.sync_start_time >= self.since
        if self.until is not None:
            yield _columns.sync_start_time < self.until


def filtered_runs(engine: Engine, wanted: RunFilter, limit: int, cursor: str | None = None) -> Page:
    """List runs, newest first.

    Raises:
        BadCursor: The cursor is not one of this list.
    """
    runs = RunList(*wanted.alternatives())
    with connect_to_read(engine) as connection:
        return runs.page(connection, limit, cursor)


def newest_runs(engine: Engine, wanted: RunFilter, limit: int) -> tuple[list[RunRow], bool]:
    """Read the newest runs, page by page.

    Returns:
        At most so many runs, and whether there are more.
    """
    found: list[RunRow] = []
    cursor: str | None = None
    while True:
        page = filtered_runs(engine, wanted, min(_PAGE, limit - len(found)), cursor)
        found += page.items
        cursor = page.next
        if cursor is None or len(found) >= limit:
            return found, cursor is not None
