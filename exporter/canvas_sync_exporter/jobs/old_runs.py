"""Deletes runs that are older than the settings allow."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import Engine

from canvas_sync_core.store.free_space import give_back_space
from canvas_sync_core.store.run_deletion import delete_runs
from canvas_sync_core.wording import counted
from canvas_sync_exporter.logs.due import last_due

__all__ = ["OldRuns", "delete_old_runs"]

_log = logging.getLogger(__name__)


class OldRuns:
    """Deletes old runs once a night.

    Args:
        engine: The database with the table of runs.
        days: Age in days above which runs are deleted; None keeps all.
        at: The nightly time, as a time of day.
        zone: The time zone of ``at``.
    """

    def __init__(self, engine: Engine, days: int | None, at: dt.time, zone: dt.tzinfo) -> None:
        self._engine = engine
        self._days = days
        self._at = at
        self._zone = zone
        self._completed: dt.datetime | None = None

    def delete_when_due(self) -> int:
        """Delete old runs unless this process has done so since it was due.

        Other exporters do not matter: a second deletion finds nothing left to delete.

        Returns:
            The number of deleted runs.

        Raises:
            SQLAlchemyError: The database is down, or its role may not delete.
        """
        due = last_due(dt.datetime.now(dt.UTC), self._at, self._zone)
        if self._completed == due:
            return 0
        deleted = delete_old_runs(self._engine, self._days)
        self._completed = due  # only now, so that a failed deletion is retried
        return deleted


def delete_old_runs(engine: Engine, days: int | None) -> int:
    """Delete old runs and return their number; their sums stay in the rollups.

    The file of SQLite then gets smaller.

    Args:
        engine: The database with the table of runs.
        days: Age in days above which runs are deleted; None keeps all.

    Raises:
        SQLAlchemyError: The database is down, or its role may not delete.
    """
    if days is None:
        return 0
    deleted = delete_runs(engine, dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
    if deleted:
        _log.info(
            "Deleted %s that began over %s ago.", counted(deleted, "run"), counted(days, "day")
        )
    give_back_space(engine)  # also what a deletion that was interrupted has left
    return deleted
