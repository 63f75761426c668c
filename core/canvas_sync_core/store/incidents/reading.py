"""Reads incidents: a single one, those that a judge needs, and lists page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, not_, or_, select

from canvas_sync_core.incident import Incident, IncidentState
from canvas_sync_core.store.cursors import ListPage, page_newest_first
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.missing_tables import explain_missing

from .tables import affects, incidents_table, judges_table, to_incident

__all__ = [
    "IncidentFilter",
    "explain_missing_tables",
    "incident_by_id",
    "incident_page",
    "known_incidents",
    "open_incidents",
]

_columns = incidents_table.c
_is_open: Final = _columns.resolved_at.is_(None)
_is_quiet: Final = and_(
    _columns.acknowledged_at.is_not(None),
    or_(
        _columns.worsened_at.is_(None),
        _columns.worsened_at <= _columns.acknowledged_at,
    ),
)
_CONDITIONS: Final = {
    IncidentState.OPEN: and_(_is_open, not_(_is_quiet)),
    IncidentState.ACKNOWLEDGED: and_(_is_open, _is_quiet),
    IncidentState.RESOLVED: not_(_is_open),
}


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents to list; None means any.

    Attributes:
        since: Incidents that were opened then or later.
        until: Incidents that were opened before then.
    """

    state: IncidentState | None = None
    kind: str | None = None
    sync_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that a row must meet."""
        conditions = [] if self.state is None else [_CONDITIONS[self.state]]
        if self.kind is not None:
            conditions.append(_columns.kind == self.kind)
        if self.sync_type is not None:
            conditions.append(affects(self.sync_type))
        if self.since is not None:
            conditions.append(_columns.opened_at >= self.since)
        if self.until is not None:
            conditions.append(_columns.opened_at < self.until)
        return conditions


def incident_page(
    engine: Engine, wanted: IncidentFilter, limit: int, cursor: str | None = None
) -> ListPage[Incident]:
    """List incidents by when they were opened, newest first.

    Raises:
        BadCursor: The cursor is not one of this list.
        StorageError: The database has no table of incidents.
    """
    rows = select(incidents_table).where(*wanted.conditions())
    key = (_columns.opened_at, _columns.id)
    with _connect(engine) as connection:
        return page_newest_first(connection, rows, key, limit, cursor).map(to_incident)


def incident_by_id(engine: Engine, number: int) -> Incident | None:
    """Find an incident by its number.

    Raises:
        StorageError: The database has no table of incidents.
    """
    with _connect(engine) as connection:
        row = connection.execute(select(incidents_table).where(_columns.id == number)).first()
    return None if row is None else to_incident(row)


def open_incidents(engine: Engine) -> list[Incident]:
    """Return all incidents that are not resolved, acknowledged ones too, oldest first.

    Raises:
        StorageError: The database has no table of incidents.
    """
    return _all(engine, _is_open)


def known_incidents(engine: Engine, resolved_since: datetime) -> list[Incident]:
    """Return what a judge compares its findings with, oldest first.

    Returns:
        All incidents that are open, and those that were resolved since then.

    Raises:
        StorageError: The database has no table of incidents.
    """
    return _all(engine, or_(_is_open, _columns.resolved_at >= resolved_since))


def explain_missing_tables(engine: Engine) -> AbstractContextManager[None]:
    """Say what to do when a statement fails because the tables of incidents are missing.

    Raises:
        StorageError: They are missing.
        SQLAlchemyError: The statement failed for another reason.
    """
    return explain_missing(engine, incidents_table, judges_table)


@contextmanager
def _connect(engine: Engine) -> Iterator[Connection]:
    with explain_missing_tables(engine), connect_to_read(engine) as connection:
        yield connection


def _all(engine: Engine, condition: ColumnElement[bool]) -> list[Incident]:
    oldest_first = (_columns.opened_at, _columns.id)
    statement = select(incidents_table).where(condition).order_by(*oldest_first)
    with _connect(engine) as connection:
        return [to_incident(row) for row in connection.execute(statement)]
