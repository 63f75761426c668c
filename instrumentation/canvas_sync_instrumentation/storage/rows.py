"""Writes runs into the table, so that any replay in any order ends in the same row.

A snapshot is the whole of a run at one moment, so the newest one alone says everything. Which of
two is newer is decided inside the database, in the statement itself:

- a later attempt under the same task id (a later start) replaces an earlier one;
- within one attempt an ending replaces ``running`` and ``interrupted``, never the other way round,
  except that a heartbeat newer than the one the exporter saw turns ``interrupted`` to ``running``;
- among equals the later heartbeat wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from canvas_sync_instrumentation.events import RunSnapshot
from canvas_sync_instrumentation.names import ITEMS, RunStatus

from .model import ITEM_COLUMN_ACTIONS, item_column, metrics_table

__all__ = ["newest_of_each", "to_row", "write_runs"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REJECTIONS = (DataError, IntegrityError, OverflowError, ValueError)
"""What the database says to a value that it will never take (a number of over 64 bits)."""

_JUDGEMENTS = ("suspect", "suspect_reason")
_NOT_THE_RUNS = frozenset({"id", *_JUDGEMENTS})
"""Columns of which a run itself says nothing."""


def newest_of_each(snapshots: Iterable[RunSnapshot]) -> list[RunSnapshot]:
    """Keep the newest snapshot of each run, in the order in which the runs first appear."""
    newest: dict[str, RunSnapshot] = {}
    for snapshot in snapshots:
        known = newest.get(snapshot.task_id)
        if known is None or _age_key(snapshot) >= _age_key(known):
            newest[snapshot.task_id] = snapshot
    return list(newest.values())


def write_runs(engine: Engine, snapshots: Sequence[RunSnapshot]) -> list[RunSnapshot]:
    """Write the newest snapshot of each run into the table, in one transaction.

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
            _upsert(connection, rows)
    except (*_REJECTIONS, StatementError) as error:
        if not _is_rejection(error):
            raise
        return [row for row in rows if not _accepts(engine, row)]
    return []


def _accepts(engine: Engine, snapshot: RunSnapshot) -> bool:
    try:
        with engine.begin() as connection:
            _upsert(connection, [snapshot])
    except (*_REJECTIONS, StatementError) as error:
        if not _is_rejection(error):
            raise
        return False
    return True


def _is_rejection(error: Exception) -> bool:
    """Tell a value that cannot be stored from a database that is away, which wraps alike."""
    cause = error.orig if isinstance(error, StatementError) else error
    return isinstance(error, _REJECTIONS) or isinstance(cause, _REJECTIONS)


def _upsert(connection: Connection, snapshots: Sequence[RunSnapshot]) -> None:
    rows = [to_row(snapshot) for snapshot in snapshots]
    connection.execute(_statement(connection.dialect.name), rows)


@cache
def _statement(dialect: str) -> Any:
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(metrics_table)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["sync_task_id"],
        set_={column.name: column for column in new if column.name not in _NOT_THE_RUNS}
        | {name: _unless_anew(new, metrics_table.c[name]) for name in _JUDGEMENTS},
        where=_is_newer(new),
    )


def _unless_anew(new: Any, judgement: Any) -> ColumnElement[Any]:
    """Keep what the exporter said of a run, until a later attempt takes the row over."""
    return case((new.sync_start_time == metrics_table.c.sync_start_time, judgement), else_=None)


def _is_newer(new: Any) -> ColumnElement[bool]:
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
    same_attempt = and_(new.sync_start_time == old.sync_start_time, or_(still_alive, ended))
    return or_(new.sync_start_time > old.sync_start_time, same_attempt)


def _age_key(snapshot: RunSnapshot) -> tuple[float, bool, float]:
    return snapshot.start_time, snapshot.status is not RunStatus.RUNNING, snapshot.heartbeat


def to_row(snapshot: RunSnapshot) -> dict[str, Any]:
    """Make the table's row of a snapshot."""
    error = snapshot.error
    return {
        "sync_task_id": _text(snapshot.task_id),
        "user_id": snapshot.user_id,
        "course_id": snapshot.course_id,
        "sync_type": _text(snapshot.sync_type),
        "canvas_host": _text(snapshot.canvas_host),
        "sync_start_time": _moment(snapshot.start_time),
        "sync_end_time": None if snapshot.end_time is None else _moment(snapshot.end_time),
        "duration": snapshot.duration,
        "heartbeat": _moment(snapshot.heartbeat),
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
    }


def _item_counts(snapshot: RunSnapshot) -> dict[str, int]:
    return {
        item_column(item, action): getattr(snapshot.items[item], action)
        for item in ITEMS
        for action in ITEM_COLUMN_ACTIONS
    }


def _moment(seconds: float) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _text(value: str | None) -> str | None:
    """PostgreSQL has no NUL in a text."""
    return value.replace("\0", "\ufffd") if value is not None else None
