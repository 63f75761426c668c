"""Writes runs into the database, and handles outages and forks.

One thread uses it; threads that fork the process wait for it.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError, StatementError

from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.clock import monotonic
from canvas_sync_core.errors import CanvasSyncMonitorError, StorageError
from canvas_sync_core.events import RunSnapshot
from canvas_sync_core.locks import Lock
from canvas_sync_core.sinks import DropCounter
from canvas_sync_core.store.database import check_schema, upgrade
from canvas_sync_core.store.rows import write_runs
from canvas_sync_core.store.spool import dead_letter, drain_orphans, encode
from canvas_sync_instrumentation.error_description import described_failure

__all__ = ["SINK", "RowWriter"]

SINK: Final = "store"
"""The sink's name in the metric of dropped telemetry."""

_OUTAGES: Final = (SQLAlchemyError, CanvasSyncMonitorError, OSError)
"""The database, its table or its settings have a problem that may be temporary."""
_FORK_WAIT_S: Final = 1.0
"""Maximum time that a fork waits for a write to end."""
_BUSY_S: Final = 5.0
"""How long a write waits for an SQLite file locked by another process before it fails."""
_BUSY_MS: Final = 20
_BUSY_PAUSE_S: Final = 0.02
_BUSY_CODES: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT})
_logger = logging.getLogger(__name__)

T = TypeVar("T")


class RowWriter:
    """Writes snapshots into the table through an engine that it opens when first needed.

    Args:
        open_database: Creates the engine; called again after each failure.
        folder: The spool folder: values that cannot be stored are saved there, and files of dead
            processes are drained once.
        auto_upgrade: Whether to create and upgrade the table, instead of only checking it.
        on_drop: Counts rows that are lost.
    """

    def __init__(
        self,
        open_database: Callable[[], Engine],
        folder: Path,
        *,
        auto_upgrade: bool,
        on_drop: DropCounter,
    ) -> None:
        self._open_database = open_database
        self._folder = folder
        self._prepare = upgrade if auto_upgrade else check_schema
        self._on_drop = on_drop
        self._engine: Engine | None = None
        self._is_prepared = False
        self._outage = False
        self._orphans_wait = True
        self._in_use = Lock()
        self._waits_for_fork = False
        self._inherited: list[object] = []
        self._is_barred = False

    def write(self, snapshots: Sequence[RunSnapshot], damaged: Sequence[bytes]) -> bool:
        """Write snapshots and save damaged spool lines.

        Returns:
            False if the database is unavailable, or anything else failed; this is reported once per
            outage, with a traceback if the failure is unexpected.
        """
        try:
            rejected = self._while_free(lambda engine: write_runs(engine, snapshots))
            dead_letter(self._folder, [*damaged, *map(encode, rejected)])
        except Exception as error:  # noqa: BLE001 - the rows wait, and the thread must go on
            self._report(error)
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
            drained = self._while_free(lambda engine: drain_orphans(self._folder, engine))
        except Exception as error:  # noqa: BLE001 - as above
            self._report(error)
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
        if self._waits_for_fork and _is_sqlite(self._engine):
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
        if self._engine is not None:
            # Kept alive: finalizing them would write to connections that the parent still uses.
            self._inherited += [self._engine, self._engine.pool]
            self._is_barred = _is_sqlite(self._engine)
            self._engine.dispose(close=False)
            self._engine = None
        self._outage = False

    def _while_free(self, work: Callable[[Engine], T]) -> T:
        """Do some work in the database; allow forks in between while another process has locked it.

        SQLite itself would wait for the lock without a break, and a fork would wait for SQLite.
        """
        deadline = monotonic() + _BUSY_S
        while True:
            try:
                with self._in_use:
                    return work(self._connected())
            except OperationalError as error:
                if not _is_busy(error) or monotonic() >= deadline:
                    raise
            time.sleep(_BUSY_PAUSE_S)

    def _connected(self) -> Engine:
        if self._is_barred:
            raise StorageError(
                "The database was busy when this process was forked. The exporter, or the next "
                "process, writes the rows when this one has ended."
            )
        if self._engine is None:
            self._engine = self._open_database()
            _wait_briefly(self._engine)
            self._is_prepared = False
        if not self._is_prepared:  # another process may have locked it during the previous attempt
            self._prepare(self._engine)
            self._is_prepared = True
        return self._engine

    def _disconnect(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            try:
                engine.dispose()
            except Exception as error:  # noqa: BLE001 - the thread must go on
                self._report(error)

    def _report(self, error: Exception) -> None:
        if not self._outage:
            self._outage = True
            _logger.warning(
                "Rows of sync runs wait in %s. Cause: %s",
                self._folder,
                _reason(error) if isinstance(error, _OUTAGES) else described_failure(error),
            )

    def _count(self, damaged: int, rejected: int) -> None:
        if damaged:
            self._on_drop(SINK, "damaged_record", damaged)
        if rejected:
            self._on_drop(SINK, "rejected_row", rejected)


def _wait_briefly(engine: Engine) -> None:
    """Limit SQLite's wait for locks of other processes to the time that a fork may wait."""
    if _is_sqlite(engine):

        @event.listens_for(engine, "connect")
        def shorten(connection: Any, _record: object) -> None:
            connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")


def _is_busy(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", None) in _BUSY_CODES


def _is_sqlite(engine: Engine | None) -> bool:
    return engine is not None and engine.dialect.name == "sqlite"


def _reason(error: Exception) -> str:
    cause = error.orig if isinstance(error, StatementError) and error.orig else error
    return redact(f"{type(cause).__name__}: {cause}".partition("\n")[0])
