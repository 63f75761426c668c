"""Writes runs into the database, and handles outages and forks.

One thread uses it; threads that fork the process wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.clock import monotonic
from canvas_sync_core.errors import CanvasSyncMonitorError, StorageError
from canvas_sync_core.events import RunSnapshot
from canvas_sync_core.locks import Lock
from canvas_sync_core.sinks import DropCounter
from canvas_sync_core.store.database_errors import cause_of, is_busy, is_database_error
from canvas_sync_core.store.row_database import RowDatabase
from canvas_sync_core.store.rows import write_runs
from canvas_sync_core.store.spool.delivery import dead_letter, drain_orphans
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_instrumentation.error_description import described_failure

__all__ = ["SINK", "GivenUpError", "RowWriter"]

SINK: Final = "store"
"""The sink's name in the metric of dropped telemetry."""

_FORK_WAIT_S: Final = 1.0
"""Maximum time that a fork waits for a write to end."""
_BUSY_S: Final = 5.0
"""How long a write waits for an SQLite file locked by another process before it fails."""
_BUSY_PAUSE_S: Final = 0.02
_logger = app_logger(__name__)

T = TypeVar("T")


class GivenUpError(Exception):
    """Raised before a commit whose rows have been counted as lost meanwhile."""


class RowWriter:
    """Writes snapshots into the table of a database that it opens when first needed.

    Args:
        open_database: Opens the database; called again after each failure.
        folder: The spool folder: values that cannot be stored are saved there, and files of dead
            processes are drained once.
        on_drop: Counts rows that are lost.
    """

    def __init__(
        self,
        open_database: Callable[[], RowDatabase],
        folder: Path,
        on_drop: DropCounter,
    ) -> None:
        self._open_database = open_database
        self._folder = folder
        self._on_drop = on_drop
        self._database: RowDatabase | None = None
        self._is_prepared = False
        self._outage = False
        self._orphans_wait = True
        self._in_use = Lock()
        self._waits_for_fork = False
        self._inherited: list[object] = []
        self._is_barred = False

    def write(
        self,
        snapshots: Sequence[RunSnapshot],
        damaged: Sequence[bytes],
        before_commit: Callable[[Sequence[RunSnapshot]], object],
    ) -> bool:
        """Write snapshots and save damaged spool lines.

        Args:
            snapshots: The snapshots.
            damaged: The damaged lines.
            before_commit: Called with the snapshots of each transaction; it may raise GivenUpError.

        Returns:
            False if the database is unavailable, or anything else failed; this is reported once per
            outage, with a traceback if the failure is unexpected.
        """
        try:
            rejected = self._while_free(
                lambda database: write_runs(database, snapshots, before_commit)
            )
            dead_letter(self._folder, [*damaged, *map(encode, rejected)])
        except GivenUpError:
            return False
        except Exception as error:  # noqa: BLE001 - the rows wait, and the thread must go on
            self._warn_of_outage(error)
            self._disconnect()
            return False
        self._count(len(damaged), len(rejected))
        if self._outage:
            self._outage = False
            _logger.warning("The database is back: waiting rows of sync runs are written.")
        return True

    def drain_orphans(self) -> None:
        """Write the rows of dead processes, once; failures are left to the next process."""
        if not self._orphans_wait:
            return
        self._orphans_wait = False
        try:
            drained = self._while_free(lambda database: drain_orphans(self._folder, database))
        except Exception as error:  # noqa: BLE001 - as above
            self._warn_of_outage(error)
            return
        self._count(drained.damaged, drained.rejected)

    def expect_orphans(self) -> None:
        """Look for rows without an owner again, because this process has left some."""
        self._orphans_wait = True

    def close(self) -> None:
        """Close the connections."""
        self._disconnect()

    def before_fork(self) -> None:
        """Block writes and close an SQLite file until the fork is done.

        Otherwise the child would treat SQLite's locks on the file as its own, and hold them
        forever: https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_.
        """
        self._waits_for_fork = self._in_use.acquire(_FORK_WAIT_S)
        if self._waits_for_fork and _is_sqlite(self._database):
            self._disconnect()

    def after_fork_in_parent(self) -> None:
        """Resume writing."""
        if self._waits_for_fork:
            self._waits_for_fork = False
            self._in_use.release()

    def after_fork_in_child(self) -> None:
        """Leave the connections to the parent."""
        self._in_use = Lock()
        self._waits_for_fork = False
        if self._database is not None:
            # Kept alive: finalizing it would write to connections that the parent still uses.
            self._inherited.append(self._database)
            self._is_barred = self._database.is_sqlite
            self._database.leave_to_parent()
            self._database = None
        self._outage = False

    def _while_free(self, work: Callable[[RowDatabase], T]) -> T:
        """Do some work in the database; allow forks in between while another process has locked it.

        SQLite itself would wait for the lock without a break, and a fork would wait for SQLite.
        """
        deadline = monotonic() + _BUSY_S
        while True:
            try:
                with self._in_use:
                    return work(self._connected())
            except Exception as error:
                if not is_busy(error) or monotonic() >= deadline:
                    raise
            time.sleep(_BUSY_PAUSE_S)

    def _connected(self) -> RowDatabase:
        if self._is_barred:
            raise StorageError(
                "The database was busy when this process was forked. The exporter, or the next "
                "process, writes the rows when this one has ended."
            )
        if self._database is None:
            self._database = self._open_database()
            self._is_prepared = False
        if not self._is_prepared:  # another process may have locked it during the previous attempt
            self._database.prepare()
            self._is_prepared = True
        return self._database

    def _disconnect(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            try:
                database.close()
            except Exception as error:  # noqa: BLE001 - the thread must go on
                self._warn_of_outage(error)

    def _warn_of_outage(self, error: Exception) -> None:
        if not self._outage:
            self._outage = True
            _logger.warning(
                "Rows of sync runs wait in %s. Cause: %s",
                self._folder,
                _reason(error) if _is_database_problem(error) else described_failure(error),
            )

    def _count(self, damaged: int, rejected: int) -> None:
        if damaged:
            self._on_drop(SINK, "damaged_record", damaged)
        if rejected:
            self._on_drop(SINK, "rejected_row", rejected)


def _is_sqlite(database: RowDatabase | None) -> bool:
    return database is not None and database.is_sqlite


def _is_database_problem(error: Exception) -> bool:
    """Return whether the database, its table or the settings are to blame, not our own code."""
    return is_database_error(error) or isinstance(error, (CanvasSyncMonitorError, OSError))


def _reason(error: Exception) -> str:
    cause = cause_of(error)
    return redact(f"{type(cause).__name__}: {cause}".partition("\n")[0])
