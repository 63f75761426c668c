"""Writes runs into the table; replaying snapshots in any order gives the same rows.

A snapshot is the whole state of a run, so only the newest one counts. Several processes may write
at the same time, so the statement itself decides, inside the database, which snapshot is newer:

- Within one attempt, a final status replaces ``running`` and ``interrupted``, never the other way
  round. But a heartbeat that is newer than the one the exporter saw turns ``interrupted`` back into
  ``running``: the process was not dead after all.
- Between equal statuses, the later heartbeat wins.
- A later attempt takes over the row of a run that waits for it, and a redelivered task takes over
  the row of the worker that died.

Any other run whose task id is already in use gets its own row, see :mod:`.reuse`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from canvas_sync_core.events import ErrorInfo, RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import (
    ITEM_COLUMN_ACTIONS,
    RUN_FIELDS,
    FieldType,
    item_column,
)

from .model import metrics_table
from .reuse import (
    LEFT_OPEN,
    Attempt,
    attempt_of,
    holders_of,
    is_same_run,
    moment_of,
    other_name,
    row_name,
)

__all__ = ["newest_of_each", "to_row", "write_runs"]

_REJECTIONS = (DataError, IntegrityError, OverflowError, ValueError)
"""Errors for a value that the database will never accept, such as a number of over 64 bits."""

_JUDGEMENTS = ("suspect", "suspect_reason")
_NOT_THE_RUNS = frozenset(field.column for field in RUN_FIELDS if not field.source)
"""Columns that the run itself does not write."""


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
        The snapshots with a value that the database will never accept; all others are committed.

    Raises:
        SQLAlchemyError: The database is away or the table has other columns; nothing was written.
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
    """Return whether a value was rejected; SQLAlchemy also wraps an unreachable database so."""
    cause = error.orig if isinstance(error, StatementError) else error
    return isinstance(error, _REJECTIONS) or isinstance(cause, _REJECTIONS)


def _write(connection: Connection, snapshots: Sequence[RunSnapshot]) -> None:
    """Write each attempt under its task id, or under another name if that is taken.

    Attempts with the same task id are written one after another, in the order of their start: one
    statement must not touch a row twice, and a later attempt may take over an earlier one's row.
    """
    by_start = sorted(snapshots, key=lambda snapshot: snapshot.start_time)
    left = [(row_name(each), each) for each in by_start]
    while left:
        batch, left = _one_of_each_name(left)
        _upsert(connection, batch)
        holders = holders_of(connection, batch)
        for name, snapshot in batch.items():
            if not is_same_run(snapshot, holders[name]):
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
        | {name: _unless_new_attempt(new, metrics_table.c[name]) for name in _JUDGEMENTS},
        where=or_(_is_newer(new), _continues(new, redeliverable=redeliverable)),
    )


def _unless_new_attempt(new: Any, judgement: Any) -> ColumnElement[Any]:
    """Keep the exporter's judgement of a run until a later attempt takes over the row."""
    return case((new.sync_start_time == metrics_table.c.sync_start_time, judgement), else_=None)


def _is_newer(new: Any) -> ColumnElement[bool]:
    """Return whether a snapshot is a newer one of the row's attempt."""
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
    """Return whether a later attempt continues the row's run, like :func:`.reuse.continues`."""
    old = metrics_table.c
    waits = and_(old.sync_status == RunStatus.RUNNING.value, old.error_type.is_not(None))
    left_open = or_(*(old.sync_status == status for status in sorted(LEFT_OPEN)))
    return and_(new.sync_start_time > old.sync_start_time, left_open if redeliverable else waits)


def _age_key(snapshot: RunSnapshot) -> tuple[float, bool, float]:
    return snapshot.start_time, snapshot.status is not RunStatus.RUNNING, snapshot.heartbeat


def to_row(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return the table row of a snapshot."""
    items = snapshot.items
    counts = chain.from_iterable([_item_counts(items[item]) for item in ITEMS])
    row = dict(zip(_COLUMNS, chain(_values(snapshot), counts), strict=True))
    for column, convert in _CONVERTED:
        row[column] = convert(row[column])
    row |= _error_columns(snapshot.error)
    return row


def _error_columns(error: ErrorInfo | None) -> dict[str, Any]:
    if error is None:
        return dict.fromkeys(_ERROR_FIELDS)
    return {
        column: convert(getattr(error, name)) for column, (name, convert) in _ERROR_FIELDS.items()
    }


def _text(value: str | None) -> str | None:
    """Replace NUL, which PostgreSQL does not accept in a text."""
    return value.replace("\0", "\ufffd") if value is not None else None


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment_of(seconds)


def _lines(lines: Iterable[str]) -> list[str] | None:
    return list(lines) or None


_CONVERSIONS: Final[Mapping[FieldType, Callable[[Any], Any]]] = {
    FieldType.NAME: _text,
    FieldType.TEXT: _text,
    FieldType.LINES: _lines,
    FieldType.STATUS: attrgetter("value"),
    FieldType.TIME: _moment,
    FieldType.START: _moment,
    FieldType.JSON: dict,
}
"""Conversions for storing; values of other types are stored unchanged."""

_DIRECT: Final = [field for field in RUN_FIELDS if field.is_direct]
_values: Final = attrgetter(*(field.source for field in _DIRECT))
_item_counts: Final = attrgetter(*ITEM_COLUMN_ACTIONS)
_COLUMNS: Final = [
    *(field.column for field in _DIRECT),
    *(item_column(item, action) for item in ITEMS for action in ITEM_COLUMN_ACTIONS),
]
_CONVERTED: Final = [
    (field.column, _CONVERSIONS[field.type]) for field in _DIRECT if field.type in _CONVERSIONS
]
_ERROR_FIELDS: Final = {
    field.column: (field.source.removeprefix("error."), _CONVERSIONS[field.type])
    for field in RUN_FIELDS
    if field.source.startswith("error.")
}
