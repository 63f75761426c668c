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

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from canvas_sync_core.events import ErrorInfo, RunSnapshot
from canvas_sync_core.names import ITEMS, TABLE, RunStatus
from canvas_sync_core.schema.run_fields import (
    ITEM_COLUMN_ACTIONS,
    RUN_FIELDS,
    FieldType,
    item_column,
)

from .database_errors import is_rejection
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
from .row_database import RowConnection, Transactions, execute
from .stored_times import time_text

__all__ = ["newest_of_each", "to_row", "write_runs"]

_JUDGEMENTS = ("suspect", "suspect_reason")
_RUNNING: Final = f"'{RunStatus.RUNNING}'"
_INTERRUPTED: Final = f"'{RunStatus.INTERRUPTED}'"


def newest_of_each(snapshots: Iterable[RunSnapshot]) -> list[RunSnapshot]:
    """Keep the newest snapshot of each attempt, in the order in which they first appear."""
    newest: dict[Attempt, RunSnapshot] = {}
    for snapshot in snapshots:
        attempt = attempt_of(snapshot)
        known = newest.get(attempt)
        if known is None or _age_key(snapshot) >= _age_key(known):
            newest[attempt] = snapshot
    return list(newest.values())


def write_runs(
    database: Transactions,
    snapshots: Sequence[RunSnapshot],
    before_commit: Callable[[Sequence[RunSnapshot]], object] = len,
) -> list[RunSnapshot]:
    """Write the newest snapshot of each attempt into the table, in one transaction.

    Args:
        database: Where to write them.
        snapshots: The snapshots, in any order.
        before_commit: Called with those of each transaction; what it raises rolls it back.

    Returns:
        The snapshots with a value that the database will never accept; all others are committed.

    Raises:
        Exception: The driver's or SQLAlchemy's error: the database is unreachable or the table has
            other columns; nothing was written.
    """
    rows = newest_of_each(snapshots)
    if not rows or _try_write(database, rows, before_commit):
        return []
    return [row for row in rows if not _try_write(database, [row], before_commit)]


def _try_write(
    database: Transactions,
    snapshots: Sequence[RunSnapshot],
    before_commit: Callable[[Sequence[RunSnapshot]], object],
) -> bool:
    """Write snapshots; return false if one has a value that the database will never accept."""
    try:
        with database.begin() as connection:
            _write(connection, snapshots)
            before_commit(snapshots)
    except Exception as error:
        if not is_rejection(error):
            raise
        return False
    return True


def _write(connection: RowConnection, snapshots: Sequence[RunSnapshot]) -> None:
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


def _upsert(connection: RowConnection, batch: Mapping[str, RunSnapshot]) -> None:
    to_values = _values_for(connection.dialect.name)
    for redeliverable in (False, True):
        rows = [
            to_values(to_row(snapshot) | {"sync_task_id": name})
            for name, snapshot in batch.items()
            if snapshot.redeliverable is redeliverable
        ]
        if rows:
            execute(connection, _statement(redeliverable), rows)


def _values_for(dialect: str) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return the function that converts a row to the parameters of the statement."""
    stored = _STORED if dialect != "sqlite" else _STORED_IN_SQLITE
    conversions = [stored.get(_TYPES[name]) for name in _WRITTEN]

    def to_values(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            value if convert is None or value is None else convert(value)
            for convert, value in zip(conversions, map(row.__getitem__, _WRITTEN), strict=True)
        )

    return to_values


@cache
def _statement(redeliverable: bool) -> str:
    """Return the statement; PostgreSQL and SQLite understand the same one."""
    changed = [f"{name} = excluded.{name}" for name in _WRITTEN]
    # The exporter's judgement of a run is kept until a later attempt takes over the row.
    changed += [
        f"{name} = CASE WHEN excluded.sync_start_time = old.sync_start_time THEN old.{name} END"
        for name in _JUDGEMENTS
    ]
    return (
        f"INSERT INTO {TABLE} AS old ({', '.join(_WRITTEN)}) "  # noqa: S608 - names of columns
        f"VALUES ({', '.join('?' * len(_WRITTEN))}) "
        f"ON CONFLICT (sync_task_id) DO UPDATE SET {', '.join(changed)} "
        f"WHERE {_IS_NEWER} OR {_continues(redeliverable=redeliverable)}"
    )


_IS_NEWER: Final = (
    "excluded.sync_start_time = old.sync_start_time AND excluded.trace_id = old.trace_id AND "
    f"CASE WHEN excluded.sync_status = {_RUNNING} THEN"
    f" old.sync_status = {_RUNNING} AND excluded.heartbeat >= old.heartbeat"
    f" OR old.sync_status = {_INTERRUPTED} AND excluded.heartbeat > old.heartbeat "
    f"ELSE old.sync_status IN ({_RUNNING}, {_INTERRUPTED})"
    " OR excluded.heartbeat >= old.heartbeat END"
)
"""Whether a snapshot is a newer one of the row's attempt."""


def _continues(*, redeliverable: bool) -> str:
    """Return the condition that a later attempt continues the row's run; see :mod:`.reuse`."""
    left_open = ", ".join(f"'{status}'" for status in sorted(LEFT_OPEN))
    waits = f"old.sync_status = {_RUNNING} AND old.error_type IS NOT NULL"
    is_open = f"old.sync_status IN ({left_open})" if redeliverable else waits
    return f"excluded.sync_start_time > old.sync_start_time AND {is_open}"


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

_WRITTEN: Final = (*_COLUMNS, *_ERROR_FIELDS)
"""The columns that a run writes."""
_TYPES: Final = {field.column: field.type for field in RUN_FIELDS}
_STORED: Final[Mapping[FieldType, Callable[[Any], Any]]] = {
    FieldType.LINES: "\n".join,
    FieldType.JSON: json.dumps,
}
"""Conversions to what a driver accepts, of values that are not None."""
_STORED_IN_SQLITE: Final[Mapping[FieldType, Callable[[Any], Any]]] = {
    **_STORED,
    FieldType.TIME: time_text,
    FieldType.START: time_text,
}
