"""When runs of each sync type have started lately, read again and again at little cost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, func, select

from canvas_sync_core.locks import Lock

from .database import connect_to_read_much
from .model import metrics_table

__all__ = ["KNOWN_DAYS", "StartTimes"]

KNOWN_DAYS: Final = 91
"""Starts before that are forgotten: a break of seven weeks, and the six weeks before it, fit in."""

_columns = metrics_table.c
_OVERLAP: Final = timedelta(hours=1)
_LATE: Final = timedelta(days=2)
_REREAD_LATE: Final = timedelta(hours=1)
_MINUTE_LENGTH: Final = len("2025-12-22T10:15")


class StartTimes:
    """The first start of each sync type in each minute of the last :data:`KNOWN_DAYS`.

    The first reading takes a second for a million runs. Later ones read what began in the last
    hour, and once an hour what began in the last two days: rows come late when a database was away.

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
            SQLAlchemyError: The database is away.
        """
        with self._lock:
            for sync_type, starts in self._read_new(now).items():
                known = self._starts.get(sync_type, [])
                self._starts[sync_type] = _merged(known, starts)
            self._forget(now - timedelta(days=KNOWN_DAYS))
            return {sync_type: tuple(starts) for sync_type, starts in self._starts.items()}

    def _read_new(self, now: datetime) -> dict[str, list[datetime]]:
        since = self._since(now)
        found: dict[str, list[datetime]] = {}
        start = func.min(_columns.sync_start_time)
        with connect_to_read_much(self._engine) as connection:
            minute = _minute(connection.dialect.name)
            rows = connection.execute(
                select(_columns.sync_type, start)
                .where(_columns.sync_start_time >= since, _columns.sync_start_time <= now)
                .group_by(_columns.sync_type, minute)
            )
            for sync_type, first in rows:
                found.setdefault(sync_type, []).append(first)
        self._read_until = now
        if now - since >= _LATE:
            self._read_late_at = now
        return found

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


def _minute(dialect: str) -> ColumnElement[Any]:
    """Return what is equal for the starts of one minute."""
    if dialect == "sqlite":
        return func.substr(_columns.sync_start_time, 1, _MINUTE_LENGTH)
    return func.date_trunc("minute", _columns.sync_start_time)


def _merged(known: list[datetime], starts: list[datetime]) -> list[datetime]:
    """Return both without the doubles; of one minute the first start alone."""
    by_minute: dict[datetime, datetime] = {}
    oldest = min(starts)
    older = known[: bisect_left(known, oldest - timedelta(minutes=1))]
    for start in sorted({*known[len(older) :], *starts}):
        by_minute.setdefault(start.replace(second=0, microsecond=0), start)
    return older + sorted(by_minute.values())
