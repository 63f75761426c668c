"""A small outbox on this machine, for critical messages while the database is unreachable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.locks import Lock
from canvas_sync_core.names import MessageKind
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.messages.reading import messages_since
from canvas_sync_core.store.messages.tables import MESSAGES_METADATA, Message, messages_table
from canvas_sync_core.store.messages.writing import copy_messages
from canvas_sync_exporter.reasons import reason

__all__ = ["OUT_OF_REACH", "LocalOutbox"]

OUT_OF_REACH: Final = (SQLAlchemyError, CanvasSyncMonitorError, OSError)
"""Raised when a database cannot be used now."""
_LONGEST_OUTAGE: Final = timedelta(days=30)

_log = logging.getLogger(__name__)


class LocalOutbox:
    """The same table of messages in an SQLite file; exporters with one state folder share it.

    While the database is reachable, the file has copies of the messages about open incidents, so
    that nothing is sent twice when the database goes away. When it is back, everything that was
    sent meanwhile is copied to it.

    Args:
        file: The file, which is created when it is first needed.
    """

    def __init__(self, file: Path) -> None:
        self._engine = open_engine(f"sqlite:///{file}")
        self._is_ready = False
        self._is_ahead = True  # an exporter may have restarted while the database was unreachable
        self._copied: frozenset[tuple[str, ...]] = frozenset()
        self._failure = ""
        self._lock = Lock()

    def open(self) -> Engine:
        """Return the database in the file, because the real one is unreachable.

        Raises:
            SQLAlchemyError, StorageError, OSError: The file cannot be used.
        """
        with self._lock:
            self._is_ahead = True
            return self._ready_engine()

    def save(self, message: Message) -> None:
        """Save the outcome of an attempt that could not be written to the database."""
        with self._lock:
            self._is_ahead = True
            self._try_use(lambda: copy_messages(self._ready_engine(), [message]))

    def note(self, message: Message) -> None:
        """Note the outcome of a message in the database, which may be down before the next copy."""
        with self._lock:
            self._try_use(lambda: copy_messages(self._ready_engine(), [message]))

    def catch_up(self, database: Engine, now: datetime) -> None:
        """Copy everything that was sent while the database was unreachable to it.

        Args:
            database: The database, which is reachable.
            now: The time.

        Raises:
            SQLAlchemyError, StorageError: The database is unreachable again.
        """
        with self._lock:  # the other channels wait, or they would send what was sent already
            if not self._is_ahead:
                return
            found: list[Message] = []
            since = now - _LONGEST_OUTAGE
            is_read = self._try_use(
                lambda: found.extend(
                    messages_since(self._ready_engine(), MessageKind.INCIDENT, since)
                )
            )
            copy_messages(database, found)
            self._is_ahead = not is_read

    def copy(self, messages: Iterable[Message]) -> None:
        """Copy messages from the database, unless nothing has changed since the last time."""
        current = list(messages)
        states = frozenset((*each.key, each.state.value) for each in current)
        with self._lock:
            if states != self._copied and self._try_use(
                lambda: copy_messages(self._ready_engine(), current)
            ):
                self._copied = states

    def dispose(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def _ready_engine(self) -> Engine:
        if not self._is_ready:
            _prepare(self._engine)
            self._is_ready = True
        return self._engine

    def _try_use(self, use: Callable[[], None]) -> bool:
        """Use the file and return whether that succeeded; a failure is only logged."""
        try:
            use()
        except OUT_OF_REACH as error:
            failure = reason(error)
            if failure != self._failure:
                _log.warning("Cannot use the local outbox of messages: %s", failure)
            self._failure = failure
            return False
        self._failure = ""
        return True


def _prepare(engine: Engine) -> None:
    """Create the table; replace that of another version of this program."""
    with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
        database = inspect(connection)
        if database.has_table(messages_table.name):
            present = {each["name"] for each in database.get_columns(messages_table.name)}
            if present != set(messages_table.columns.keys()):
                MESSAGES_METADATA.drop_all(connection)
        MESSAGES_METADATA.create_all(connection)
