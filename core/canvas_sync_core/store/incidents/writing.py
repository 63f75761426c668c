"""Writes incidents; if several writers make the same change, only the first succeeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, update
from sqlalchemy.exc import IntegrityError

from canvas_sync_core.incident import Acknowledgement, Incident
from canvas_sync_core.store.conflicts import insert_on

from .reading import explain_missing_tables, incident_by_id
from .tables import incidents_table, to_row

__all__ = ["acknowledge_incident", "write_incidents"]

_columns = incidents_table.c


def write_incidents(engine: Engine, incidents: Iterable[Incident]) -> list[Incident]:
    """Insert new incidents and change known ones, in one transaction.

    An incident is skipped if another writer was faster: it opened one with the same kind and
    subject, or changed this one after it was read.

    Returns:
        Those that this call has written, as they are in the table now.

    Raises:
        StorageError: The database has no table of incidents.
        SQLAlchemyError: The database is unreachable, or its role may not write them.
    """
    # All writers lock rows in the same order, so they cannot deadlock.
    ordered = sorted(incidents, key=lambda each: (each.key, each.opened_at))
    if not ordered:
        return []
    locked = engine.execution_options(canvas_sync_immediate=True)
    with explain_missing_tables(engine), locked.begin() as connection:
        written = [_write(connection, incident) for incident in ordered]
    return [incident for incident in written if incident is not None]


def acknowledge_incident(
    engine: Engine, number: int, acknowledgement: Acknowledgement
) -> Incident | None:
    """Record the acknowledgement of an open incident.

    Args:
        engine: The database.
        number: Of the incident.
        acknowledgement: Its ``run_count`` is taken from the row.

    Returns:
        The incident, as it is now; None if there is none with this number. A resolved one is
        returned unchanged.

    Raises:
        StorageError: The database has no table of incidents.
        SQLAlchemyError: The database is unreachable, or its role may not write them.
    """
    changes = {
        "acknowledged_at": acknowledgement.time,
        "acknowledged_by": acknowledgement.author,
        "acknowledged_reason": acknowledgement.reason,
        "acknowledged_run_count": _columns.run_count,
        "updated_at": acknowledgement.time,
        "version": _columns.version + 1,
    }
    is_open = (_columns.id == number, _columns.resolved_at.is_(None))
    locked = engine.execution_options(canvas_sync_immediate=True)
    with explain_missing_tables(engine), locked.begin() as connection:
        connection.execute(update(incidents_table).where(*is_open).values(changes))
    return incident_by_id(engine, number)


def _write(connection: Connection, incident: Incident) -> Incident | None:
    if incident.id is None:
        return _insert(connection, incident)
    return _update(connection, incident, incident.id)


def _insert(connection: Connection, incident: Incident) -> Incident | None:
    statement = _insert_unless_open(connection.dialect.name)
    number = connection.scalar(statement, to_row(incident))
    return None if number is None else replace(incident, id=number)


def _update(connection: Connection, incident: Incident, number: int) -> Incident | None:
    changed = replace(incident, version=incident.version + 1)
    unchanged = (_columns.id == number, _columns.version == incident.version)
    statement = update(incidents_table).where(*unchanged).values(to_row(changed))
    try:
        with connection.begin_nested():
            result = connection.execute(statement)
    except IntegrityError:  # it is reopened here, while another writer has opened a new one
        return None
    return changed if result.rowcount == 1 else None


@cache
def _insert_unless_open(dialect: str) -> Any:
    insert = insert_on(dialect, incidents_table)
    is_open = _columns.resolved_at.is_(None)
    statement = insert.on_conflict_do_nothing(
        index_elements=["kind", "subject"], index_where=is_open
    )
    return statement.returning(_columns.id)
