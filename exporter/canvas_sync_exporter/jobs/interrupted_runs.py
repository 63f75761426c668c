"""Closes runs whose process died."""

from __future__ import annotations

import datetime as dt
import logging
import math
import time

from sqlalchemy import Engine

from canvas_sync_core.events import RunEnded
from canvas_sync_core.settings import Settings
from canvas_sync_core.store.queries import mark_interrupted
from canvas_sync_core.store.runs import RunRow, to_snapshot

from .job import EXPECTED_FAILURES
from .recording import context_of, record
from .spooled_rows import deliver_spooled_rows

__all__ = ["InterruptedRuns"]

_log = logging.getLogger(__name__)


class InterruptedRuns:
    """Closes runs whose heartbeat has stopped.

    Args:
        engine: The database with the table of runs.
        app: Where the spool, the logs and the metric files are.
        patience: Seconds without a heartbeat after which a run counts as interrupted.
    """

    def __init__(self, engine: Engine, app: Settings, patience: float) -> None:
        self._engine = engine
        self._app = app
        self._patience = patience
        self._last_outage = -math.inf

    def close(self) -> list[RunRow]:
        """Close interrupted runs, record their ends, and return them.

        Raises:
            SQLAlchemyError: The database is down.
            OSError: The runs were closed but not counted, or a spool file cannot be read.
        """
        runs = self._close_in_table()
        if runs:
            record(self._app, map(_end_of, runs))
        for run in runs:
            _log.warning(
                "Run %s was interrupted: its process %d on %s is gone.", run.id, run.pid, run.host
            )
        return runs

    def _close_in_table(self) -> list[RunRow]:
        try:
            # First, because the dead process may have spooled the end of its run.
            deliver_spooled_rows(self._engine, self._app.spool_folder)
            self._engine.connect().close()  # the outage lasts until this succeeds
            if time.monotonic() < self._last_outage + self._patience:
                return []  # living processes could not write heartbeats during the outage
            stopped = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=self._patience)
            return mark_interrupted(self._engine, stopped)
        except EXPECTED_FAILURES:
            self._last_outage = time.monotonic()
            raise


def _end_of(run: RunRow) -> RunEnded:
    snapshot = to_snapshot(run)
    return RunEnded(context_of(run), snapshot.end_time or snapshot.heartbeat, snapshot)
