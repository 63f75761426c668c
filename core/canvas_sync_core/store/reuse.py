"""Task ids that are used more than once: which row belongs to which run.

A task id identifies a run and its row. If the id is taken, the run gets a row with a number after
the id: ``nightly-42``, then ``nightly-42~2``. This is decided only when rows are written, since the
sync's thread never waits for a database. Log lines and spans have the original id, and the same
trace id as the row.

A run may take several attempts. Each is identified by its own start and trace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.events import RunSnapshot
from canvas_sync_core.names import TABLE, RunStatus

from .row_database import RowConnection, execute
from .stored_times import limited, limited_sql, read_sorted_time, time_text

__all__ = [
    "LEFT_OPEN",
    "Attempt",
    "attempt_of",
    "holders_of",
    "is_same_run",
    "moment_of",
    "other_name",
    "row_name",
]

LEFT_OPEN: Final = frozenset({RunStatus.RUNNING.value, RunStatus.INTERRUPTED.value})
"""Statuses of the row of a dead worker whose task a queue may deliver again."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOGGER: Final = app_logger(__name__)


class Attempt(NamedTuple):
    """What identifies one attempt of a run."""

    task_id: str
    start: float
    trace_id: str


class _Holder(msgspec.Struct, frozen=True):
    """The attempt that a row shows; ``waits`` means that its run waits for the next one."""

    start: datetime
    trace_id: str
    status: str
    waits: bool


def attempt_of(snapshot: RunSnapshot) -> Attempt:
    """Return the attempt that a snapshot is of."""
    return Attempt(snapshot.task_id, snapshot.start_time, snapshot.trace_id)


def moment_of(seconds: float) -> datetime:
    """Convert a time in seconds since the epoch to the form in which the table stores it."""
    return _EPOCH + timedelta(seconds=seconds)


def row_name(snapshot: RunSnapshot) -> str:
    """Return the name of a run's row, if it is not taken. PostgreSQL has no NUL in a text."""
    return snapshot.task_id.replace("\0", "\ufffd")


def holders_of(connection: RowConnection, names: Iterable[str]) -> dict[str, _Holder]:
    """Return which attempts the rows of these names show."""
    wanted = tuple(names)
    is_sqlite = connection.dialect.name == "sqlite"
    start_time = "sync_start_time" if is_sqlite else limited_sql("sync_start_time")
    rows = execute(
        connection,
        f"SELECT sync_task_id, {start_time}, trace_id, sync_status, error_type FROM {TABLE} "  # noqa: S608
        f"WHERE sync_task_id IN ({', '.join('?' * len(wanted))})",
        wanted,
    )
    return {
        name: _Holder(
            limited(read_sorted_time(start) if is_sqlite else start),
            trace_id,
            status,
            status == RunStatus.RUNNING.value and error is not None,
        )
        for name, start, trace_id, status, error in rows
    }


def is_same_run(snapshot: RunSnapshot, holder: _Holder) -> bool:
    """Return whether the row shows the attempt of ``snapshot``, or a later one of the same run."""
    start = moment_of(snapshot.start_time)
    if (start, snapshot.trace_id) == (holder.start, holder.trace_id):
        return True
    waits = snapshot.status is RunStatus.RUNNING and snapshot.error is not None
    is_left_open = snapshot.redeliverable and snapshot.status.value in LEFT_OPEN
    return start < holder.start and (waits or is_left_open)


def other_name(connection: RowConnection, snapshot: RunSnapshot) -> str:
    """Return the name of the row of a run whose task id is taken: its own, or a new one."""
    name = row_name(snapshot)
    start = moment_of(snapshot.start_time)
    rows = execute(
        connection,
        f"SELECT sync_task_id FROM {TABLE} WHERE sync_start_time = ? AND trace_id = ? "  # noqa: S608
        "AND sync_task_id LIKE ? ESCAPE '/'",
        (
            time_text(start) if connection.dialect.name == "sqlite" else start,
            snapshot.trace_id,
            re.sub("([/%_])", r"/\1", name) + "~%",
        ),
    )
    known: str | None = next((found for (found,) in rows), None)
    return known or _next_name(connection, name, snapshot)


def _next_name(connection: RowConnection, name: str, snapshot: RunSnapshot) -> str:
    last = _last_number(connection, name)
    newest = _numbered(name, last)
    if last > 1 and _is_continued(holders_of(connection, [newest])[newest], snapshot):
        return newest
    free = _numbered(name, last + 1)
    _LOGGER.warning(
        "The task id %r was used before. The row of its new run, trace %s, is %r. Give each run a "
        "new id.",
        name,
        snapshot.trace_id,
        free,
    )
    return free


def _is_continued(holder: _Holder, snapshot: RunSnapshot) -> bool:
    is_left_open = snapshot.redeliverable and holder.status in LEFT_OPEN
    return holder.start < moment_of(snapshot.start_time) and (holder.waits or is_left_open)


def _last_number(connection: RowConnection, name: str) -> int:
    """Return the last number in use, by binary search: a few queries for thousands of rows."""
    used, free = 1, 2
    while holders_of(connection, [_numbered(name, free)]):
        used, free = free, 2 * free
    while free - used > 1:
        middle = (used + free) // 2
        if holders_of(connection, [_numbered(name, middle)]):
            used = middle
        else:
            free = middle
    return used


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}~{number}"
