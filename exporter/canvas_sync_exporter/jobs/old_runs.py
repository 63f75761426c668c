"""Deletes runs that are older than the settings keep them."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import Engine

from canvas_sync_core.store.retention import delete_runs
from canvas_sync_exporter.logs.due import last_due

__all__ = ["OldRuns", "delete_old_runs"]

_log = logging.getLogger(__name__)


class OldRuns:
    """Deletes old runs once a night.

    Args:
        engine: The database with the table of runs.
        days: Runs that began more than so many days ago are deleted; None keeps all.
        at: The nightly time, as a time of day.
        zone: Time zone of the clock that shows it.
    """

    def __init__(self, engine: Engine, days: int | None, at: dt.time, zone: dt.tzinfo) -> None:
        self._engine = engine
        self._days = days
        self._at = at
        self._zone = zone
        self._completed: dt.datetime | None = None

    def delete_when_due(self) -> int:
        """Delete old runs, unless this process has done so since it was due.

        Other exporters do not matter: a second deletion finds nothing more to delete.

        Returns:
            How many runs were deleted.

        Raises:
            SQLAlchemyError: The database is away, or its role may not delete.
        """
        due = last_due(dt.datetime.now(dt.UTC), self._at, self._zone)
        if self._completed == due:
            return 0
        deleted = delete_old_runs(self._engine, self._days)
        self._completed = due  # not before: a deletion that fails is retried
        return deleted


def delete_old_runs(engine: Engine, days: int | None) -> int:
    """Delete old runs and return how many there were; their sums stay in the rollups.

    Args:
        engine: The database with the table of runs.
        days: Runs that began more than so many days ago are deleted; None keeps all.

    Raises:
        SQLAlchemyError: The database is away, or its role may not delete.
    """
    if days is None:
        return 0
    deleted = delete_runs(engine, dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
    if deleted:
        _log.info("Deleted %d runs that began over %d days ago.", deleted, days)
    return deleted
