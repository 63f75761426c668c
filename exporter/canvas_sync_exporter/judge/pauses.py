"""Pauses that are set at run time and stored in the database (not the configuration file)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, case, insert, literal, select, update

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.missing_tables import explain_missing
from canvas_sync_core.store.pauses import pauses_table
from canvas_sync_core.store.timestamps import UtcSortedTime
from canvas_sync_exporter.schedules.pause import Pause, clean_reason
from canvas_sync_exporter.schedules.sync_types import NAME_HINT, is_sync_type

from .incidents import RUN_KINDS

__all__ = [
    "active_pauses",
    "add_pause",
    "all_pauses_since",
    "closing_pause",
    "end_pause",
    "new_pause",
    "pauses_since",
]

_MAX_SYNC_TYPES: Final = 100
_LONGEST: Final = timedelta(days=3653)
_CLOSED_BY_PAUSES: Final = RUN_KINDS | {IncidentKind.STALE_ITEMS}
_columns = pauses_table.c


def new_pause(
    sync_types: Collection[str],
    start: datetime,
    end: datetime,
    reason: str,
    author: str,
    *,
    now: datetime,
) -> Pause:
    """Create a pause without storing it.

    Args:
        sync_types: The sync types to pause; none means all.
        start: When it begins, with a time zone.
        end: When it ends, with a time zone.
        reason: Why.
        author: Who sets it.
        now: The current time.

    Raises:
        ValueError: The values are invalid; the message names the field and says what to write.
    """
    try:
        reason = clean_reason(reason)
    except ValueError as error:
        raise ValueError(f"reason: {error}") from None
    names = frozenset(name.strip() for name in sync_types)
    if len(names) > _MAX_SYNC_TYPES:
        raise ValueError(f"sync_types: name up to {_MAX_SYNC_TYPES} sync types")
    if not all(map(is_sync_type, names)):
        raise ValueError(f"sync_types: {NAME_HINT}")
    if end <= start:
        raise ValueError("until: it must be after the start of the pause")
    if end <= now:
        raise ValueError("until: it is in the past; give the time at which the pause will end")
    if start < now - _LONGEST or end > now + _LONGEST:
        raise ValueError("until: all times must be within ten years of now")
    # Convert only after the checks: times near the years 1 and 9999 would overflow.
    return Pause(names, start.astimezone(UTC), end.astimezone(UTC), reason, author)


def add_pause(engine: Engine, pause: Pause, *, now: datetime) -> Pause:
    """Store a pause and return it with its number.

    Raises:
        StorageError: The database has no table of pauses.
        SQLAlchemyError: The database is down, or its role may not write.
    """
    with explain_missing(engine, pauses_table), engine.begin() as connection:
        number = connection.scalar(
            insert(pauses_table)
            .values(
                sync_types=sorted(pause.sync_types),
                start_time=pause.start,
                end_time=pause.end,
                reason=pause.reason,
                author=pause.author,
                created_at=now,
            )
            .returning(_columns.id)
        )
    return replace(pause, id=number)


def end_pause(engine: Engine, number: int, author: str, *, now: datetime) -> Pause | None:
    """End a pause now; one that has not begun is cancelled.

    Args:
        engine: The database with the pauses.
        number: The pause's number.
        author: Who ends it.
        now: The time.

    Returns:
        The pause as it is now; None if no pause with that number is active or upcoming.

    Raises:
        StorageError: The database has no table of pauses.
        SQLAlchemyError: The database is down, or its role may not write.
    """
    end = case(
        (_columns.start_time > now, _columns.start_time), else_=literal(now, UtcSortedTime())
    )
    with explain_missing(engine, pauses_table), engine.begin() as connection:
        ended = connection.execute(
            update(pauses_table)
            .where(_columns.id == number, _columns.end_time > now)
            .values(end_time=end, ended_by=author)
        )
        rows = _read(connection, _columns.id == number)
    return rows[0] if ended.rowcount else None


def pauses_since(engine: Engine, since: datetime) -> list[Pause]:
    """Return the pauses that end after a time, ordered by start.

    Past pauses matter too: runs that were due during one were not expected.

    Raises:
        StorageError: The database has no table of pauses.
        SQLAlchemyError: The database is down.
    """
    with explain_missing(engine, pauses_table), connect_to_read(engine) as connection:
        return _read(connection, _columns.end_time > since)


def all_pauses_since(of_file: Iterable[Pause], engine: Engine, since: datetime) -> list[Pause]:
    """Return the pauses of the configuration file and of the database that end after a time.

    Args:
        of_file: All pauses of the configuration file.
        engine: The database with the other pauses.
        since: The time, in UTC.

    Raises:
        StorageError: The database has no table of pauses.
    """
    return [*(each for each in of_file if each.end > since), *pauses_since(engine, since)]


def closing_pause(incident: Incident, pauses: Iterable[Pause]) -> Pause | None:
    """Return the pause because of which an incident was resolved; None if it recovered.

    When a pause begins, nothing is expected of its sync types any more, so what was wrong with
    their runs before is not wrong any more either.
    """
    closed_at = incident.resolved_at
    if closed_at is None or incident.kind not in _CLOSED_BY_PAUSES:
        return None
    names = incident.affects or ((incident.sync_type,) if incident.sync_type else ())
    for pause in pauses:
        began = incident.opened_at <= pause.start <= closed_at < pause.end
        if began and names and all(map(pause.applies_to, names)):
            return pause
    return None


def active_pauses(engine: Engine, now: datetime) -> list[Pause]:
    """Return the active and upcoming pauses.

    Raises:
        StorageError: The database has no table of pauses.
        SQLAlchemyError: The database is down.
    """
    return pauses_since(engine, now)


def _read(connection: Connection, condition: ColumnElement[bool]) -> list[Pause]:
    rows = connection.execute(
        select(pauses_table).where(condition).order_by(_columns.start_time, _columns.id)
    )
    return [_pause(row) for row in rows]


def _pause(row: Row[object]) -> Pause:
    return Pause(
        sync_types=frozenset(row.sync_types),
        start=row.start_time,
        end=row.end_time,
        reason=row.reason,
        author=row.author,
        id=row.id,
    )
