"""Writes runs into the table, so that any replay in any order ends in the same rows.

A snapshot is the whole of a run at one moment, so the newest one alone says everything. Which of
two is newer is decided inside the database, in the statement itself:

- within one attempt an ending replaces ``running`` and ``interrupted``, never the other way round,
  except that a heartbeat newer than the one the exporter saw turns ``interrupted`` to ``running``;
- among equals the later heartbeat wins;
- a later attempt takes over the row of a run that waits for it, and a task that a queue delivers
  again takes over the row of a worker that died.

Any other run with a task id that is in use gets a row of its own, see :mod:`.reuse`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from canvas_sync_core.events import RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus

from .model import ITEM_COLUMN_ACTIONS, item_column, metrics_table
from .reuse import (
    LEFT_OPEN,
    Attempt,
    attempt_of,
    holders_of,
    is_settled,
    moment_of,
    other_name,
    row_name,
)

__all__ = ["newest_of_each", "to_row", "write_runs"]

_REJECTIONS = (DataError, IntegrityError, OverflowError, ValueError)
"""What the database says to a value that it will never take (a number of over 64 bits)."""

_JUDGEMENTS = ("suspect", "suspect_reason")
_NOT_THE_RUNS = frozenset({"id", *_JUDGEMENTS})
"""Columns of which a run itself says nothing."""


def newest_of_each(snapshots: Iterable[RunSnapshot]) -> list[RunSnapshot]:
    """Keep the newest snapshot of each attempt, in the order in which they first appear."""
    newest: dict[Attempt, RunSnapshot] = {}
    for snapshot in snapshots:
        attempt = attempt_of(snapshot)
        known = newest.get(attempt)
        if known is None or _age_key(snapshot) >= _age_key(known):
            newest[attempt] = snapshot
    return list(newest.values())


def write_runs(engine: Engine, snapshots: Sequence[RunSnapshot]) -> list[RunSnapshot]:
    """Write the newest snapshot of each attempt into the table, in one transaction.

    Returns:
        The snapshots with a value that the database will never take; all others are committed.

    Raises:
        SQLAlchemyError: The database is away or the table does not fit; nothing was written.
    """
    rows = newest_of_each(snapshots)
    if not rows:
        return []
    try:
        with engine.begin() as connection:
            _write(connection, rows)
    except (*_REJECTIONS, StatementError) as error:
        if not _is_rejection(error):
            raise
        return [row for row in rows if not _accepts(engine, row)]
    return []


def _accepts(engine: Engine, snapshot: RunSnapshot) -> bool:
    try:
        with engine.begin() as connection:
            _write(connection, [snapshot])
    except (*_REJECTIONS, StatementError) as error:
        if not _is_rejection(error):
            raise
        return False
    return True


def _is_rejection(error: Exception) -> bool:
    """Tell a value that cannot be stored from a database that is away, which wraps alike."""
    cause = error.orig if isinstance(error, StatementError) else error
    return isinstance(error, _REJECTIONS) or isinstance(cause, _REJECTIONS)


def _write(connection: Connection, snapshots: Sequence[RunSnapshot]) -> None:
    """Write each attempt under its task id, or under another name where that is taken.

    Attempts with one task id are written one after the other, by their start.
    """
    by_start = sorted(snapshots, key=lambda snapshot: snapshot.start_time)
    left = [(row_name(each), each) for each in by_start]
    while left:
        batch, left = _one_of_each_name(left)
        _upsert(connection, batch)
        holders = holders_of(connection, batch)
        for name, snapshot in batch.items():
            if not is_settled(snapshot, holders[name]):
                left.append((other_name(connection, snapshot), snapshot))


def _one_of_each_name(
    left: Iterable[tuple[str, RunSnapshot]],
) -> tuple[dict[str, RunSnapshot], list[tuple[str, RunSnapshot]]]:
    batch: dict[str, RunSnapshot] = {}
    later = []
    for name, snapshot in left:
        if name in batch:
            later.append((name, snapshot))
        else:
            batch[name] = snapshot
    return batch, later


def _upsert(connection: Connection, batch: Mapping[str, RunSnapshot]) -> None:
    for redeliverable in (False, True):
        rows = [
            to_row(snapshot) | {"sync_task_id": name}
            for name, snapshot in batch.items()
            if snapshot.redeliverable is redeliverable
        ]
        if rows:
            connection.execute(_statement(connection.dialect.name, redeliverable), rows)


@cache
def _statement(dialect: str, redeliverable: bool) -> Any:
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(metrics_table)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["sync_task_id"],
        set_={column.name: column for column in new if column.name not in _NOT_THE_RUNS}
        | {name: _unless_anew(new, metrics_table.c[name]) for name in _JUDGEMENTS},
        where=or_(_is_newer(new), _continues(new, redeliverable=redeliverable)),
    )


def _unless_anew(new: Any, judgement: Any) -> ColumnElement[Any]:
    """Keep what the exporter said of a run, until a later attempt takes the row over."""
    return case((new.sync_start_time == metrics_table.c.sync_start_time, judgement), else_=None)


def _is_newer(new: Any) -> ColumnElement[bool]:
    """Tell whether a snapshot is a newer one of the attempt that the row shows."""
    old = metrics_table.c
    running, interrupted = RunStatus.RUNNING.value, RunStatus.INTERRUPTED.value
    was_running = old.sync_status == running
    was_interrupted = old.sync_status == interrupted
    still_alive = and_(
        new.sync_status == running,
        or_(
            and_(was_running, new.heartbeat >= old.heartbeat),
            and_(was_interrupted, new.heartbeat > old.heartbeat),
        ),
    )
    ended = and_(
        new.sync_status != running,
        or_(was_running, was_interrupted, new.heartbeat >= old.heartbeat),
    )
    return and_(
        new.sync_start_time == old.sync_start_time,
        new.trace_id == old.trace_id,
        or_(still_alive, ended),
    )


def _continues(new: Any, *, redeliverable: bool) -> ColumnElement[bool]:
    """Tell whether a later attempt goes on with the run of the row, as :func:`.reuse.continues`."""
    old = metrics_table.c
    waits = and_(old.sync_status == RunStatus.RUNNING.value, old.error_type.is_not(None))
    left_open = or_(*(old.sync_status == status for status in sorted(LEFT_OPEN)))
    return and_(new.sync_start_time > old.sync_start_time, left_open if redeliverable else waits)


def _age_key(snapshot: RunSnapshot) -> tuple[float, bool, float]:
    return snapshot.start_time, snapshot.status is not RunStatus.RUNNING, snapshot.heartbeat


def to_row(snapshot: RunSnapshot) -> dict[str, Any]:
    """Make the table's row of a snapshot."""
    error = snapshot.error
    return {
        "sync_task_id": row_name(snapshot),
        "user_id": snapshot.user_id,
        "course_id": snapshot.course_id,
        "sync_type": _text(snapshot.sync_type),
        "canvas_host": _text(snapshot.canvas_host),
        "sync_start_time": moment_of(snapshot.start_time),
        "sync_end_time": None if snapshot.end_time is None else moment_of(snapshot.end_time),
        "duration": snapshot.duration,
        "heartbeat": moment_of(snapshot.heartbeat),
        "sync_status": snapshot.status.value,
        "progress": snapshot.progress,
        "step": _text(snapshot.step),
        "error_type": _text(error.error_type) if error else None,
        "error_message": _text(error.message) if error else None,
        **_item_counts(snapshot),
        "api_calls": snapshot.api_calls,
        "api_failed": snapshot.api_failed,
        "api_throttled": snapshot.api_throttled,
        "api_retried": snapshot.api_retried,
        "api_seconds": snapshot.api_seconds,
        "db_operations": snapshot.db_operations,
        "db_failed": snapshot.db_failed,
        "db_seconds": snapshot.db_seconds,
        "trace_id": snapshot.trace_id,
        "host": _text(snapshot.host),
        "pid": snapshot.pid,
        "sync_metadata": dict(snapshot.metadata),
        "request_context_id": _text(snapshot.request_context_id),
        "api_truncated": snapshot.api_truncated,
        "api_wait_seconds": snapshot.api_wait_seconds,
        "error_traceback": list(error.traceback) if error and error.traceback else None,
        "api_items": snapshot.api_items,
        "api_bytes": snapshot.api_bytes,
        "telemetry_fault": _text(snapshot.telemetry_fault),
        "clock_skew": snapshot.clock_skew,
    }


def _item_counts(snapshot: RunSnapshot) -> dict[str, int]:
    return {
        item_column(item, action): getattr(snapshot.items[item], action)
        for item in ITEMS
        for action in ITEM_COLUMN_ACTIONS
    }


def _text(value: str | None) -> str | None:
    """PostgreSQL has no NUL in a text."""
    return value.replace("\0", "\ufffd") if value is not None else None
