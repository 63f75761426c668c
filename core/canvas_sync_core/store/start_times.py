"""Reads when runs of each sync type started; repeated reads are cheap."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, cast, func, literal_column, select
from sqlalchemy import String as Text

from canvas_sync_core.locks import Lock

from .database import connect_for_long_read
from .model import metrics_table
from .sync_types import sync_types_in_table

__all__ = ["KNOWN_DAYS", "StartTimes", "starts_of_type"]

KNOWN_DAYS: Final = 91
"""Older starts are forgotten; a break of seven weeks and the six weeks before it still fit in."""

_columns = metrics_table.c
_OVERLAP: Final = timedelta(hours=1)
_LATE: Final = timedelta(days=2)
_REREAD_LATE: Final = timedelta(hours=1)
_MINUTE_LENGTH: Final = len("2025-12-22T10:15")


class StartTimes:
    """The first start of each sync type in each minute of the last :data:`KNOWN_DAYS`.

    The first read takes a second for a million runs. Later reads fetch the starts since an hour
    before the previous read and, once an hour, those since two days before it: rows arrive late
    when the database was unreachable.

    Args:
        engine: The database with the runs.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._starts: dict[str, list[datetime]] = {}
        self._read_until: datetime | None = None
        self._read_late_at: datetime | None = None

    def read(self, now: datetime) -> Mapping[str, Sequence[datetime]]:
        """Return the starts of each sync type, oldest first.

        Raises:
            SQLAlchemyError: The database is unreachable.
        """
        with self._lock:
            for sync_type, starts in self._read_new(now).items():
                known = self._starts.get(sync_type, [])
                self._starts[sync_type] = _merged(known, starts)
            self._forget(now - timedelta(days=KNOWN_DAYS))
            return {sync_type: tuple(starts) for sync_type, starts in self._starts.items()}

    def _read_new(self, now: datetime) -> dict[str, list[datetime]]:
        since = self._since(now)
        with connect_for_long_read(self._engine) as connection:
            new = {
                sync_type: starts_of_type(connection, sync_type, since, now)
                for sync_type in sync_types_in_table(connection)
            }
        self._read_until = now
        if now - since >= _LATE:
            self._read_late_at = now
        return {sync_type: starts for sync_type, starts in new.items() if starts}

    def _since(self, now: datetime) -> datetime:
        if self._read_until is None or self._read_late_at is None:
            return now - timedelta(days=KNOWN_DAYS)
        is_late_due = now - self._read_late_at >= _REREAD_LATE
        return self._read_until - (_LATE if is_late_due else _OVERLAP)

    def _forget(self, oldest: datetime) -> None:
        for sync_type, starts in list(self._starts.items()):
            if starts[0] < oldest:
                recent = [start for start in starts if start >= oldest]
                if recent:
                    self._starts[sync_type] = recent
                else:
                    del self._starts[sync_type]


def starts_of_type(
    connection: Connection, sync_type: str, since: datetime, until: datetime | None = None
) -> list[datetime]:
    """Return when runs of a sync type started, oldest first; only the first start of each minute.

    Args:
        connection: To the database with the runs.
        sync_type: The sync type.
        since: The earliest start to return.
        until: The latest start to return; None means no limit.
    """
    start = _columns.sync_start_time
    statement = (
        select(func.min(start, type_=start.type))
        .where(_columns.sync_type == sync_type, start >= since)
        .group_by(_minute(connection))
    )
    if until is not None:
        statement = statement.where(start <= until)
    return sorted(connection.scalars(statement))


def _minute(connection: Connection) -> ColumnElement[Any]:
    """Return an expression that is equal for all starts in the same minute."""
    start = _columns.sync_start_time
    if connection.dialect.name == "sqlite":
        return func.substr(cast(start, Text), 1, _MINUTE_LENGTH)
    return func.date_trunc(literal_column("'minute'"), start)


def _merged(known: list[datetime], starts: list[datetime]) -> list[datetime]:
    """Merge both lists; keep only the first start of each minute."""
    by_minute: dict[datetime, datetime] = {}
    oldest = min(starts)
    older = known[: bisect_left(known, oldest - timedelta(minutes=1))]
    for start in sorted({*known[len(older) :], *starts}):
        by_minute.setdefault(start.replace(second=0, microsecond=0), start)
    return older + sorted(by_minute.values())
