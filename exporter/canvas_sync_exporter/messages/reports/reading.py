"""Reads from the database what the rollups do not have: last runs, failed runs, incidents.

Each query reads a bounded number of rows through an index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, func, literal, or_, select, tuple_

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import item_column
from canvas_sync_core.store.database import connect_for_long_read, connect_to_read
from canvas_sync_core.store.incidents.reading import explain_missing_tables
from canvas_sync_core.store.incidents.tables import incidents_table, to_incident
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.buckets import DAY
from canvas_sync_core.store.rollups.periods import Period
from canvas_sync_core.store.rollups.tables import days_table, has_rollups
from canvas_sync_core.store.sync_types import newest_first, sync_types_in_table
from canvas_sync_core.store.timestamps import UtcDateTime

from .causes import FailedRun
from .figures import FAILURES

__all__ = [
    "MOST_FAILED_RUNS",
    "FailureDetails",
    "LastRun",
    "failed_runs",
    "failure_details",
    "first_start",
    "has_run_before",
    "incidents_during",
    "last_runs",
    "others_succeeded",
]

MOST_FAILED_RUNS: Final = 5_000
"""If more runs with one status failed, only the newest are read."""
_MOST_INCIDENTS: Final = 1_000
_LONGEST_MESSAGE: Final = 300
_MOST_PLACES: Final = 3
_MOST_OF_OTHER_HOSTS: Final = 200
_runs = metrics_table.c
_incidents = incidents_table.c


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a sync type.

    Attributes:
        status: A :class:`~canvas_sync_core.names.RunStatus`, unless another program wrote it.
        duration: In seconds; None while it runs.
    """

    status: str
    start: datetime
    duration: float | None
    items: int


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """Details of one failed run.

    Attributes:
        places: Where it happened in the app's code, innermost last.
        request_id: Canvas's id of the request, for a support ticket; None if no request failed.
    """

    places: tuple[str, ...]
    request_id: str | None


def last_runs(engine: Engine, before: datetime) -> dict[str, LastRun]:
    """Return the newest run of each sync type that started before a time.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    items = (_runs[item_column(item, "processed")] for item in ITEMS)
    columns = (_runs.sync_status, _runs.sync_start_time, _runs.duration, *items)
    of_type, start, end = _runs.sync_type, _runs.sync_start_time, literal(before, UtcDateTime())
    found = {}
    with connect_to_read(engine) as connection:
        for name in sync_types_in_table(connection):
            # One bound for both columns of the index of types: neither database passes later runs.
            # It is inclusive because PostgreSQL estimates it by the type alone: it would expect no
            # run of the first type, and so might read the whole table.
            bound = tuple_(of_type, start) <= tuple_(literal(name), end)
            earlier = select(*columns).where(bound, start < end)
            row = connection.execute(newest_first(earlier, literal(name)).limit(1)).first()
            if row is not None:
                status, began, duration, *counts = row
                found[name] = LastRun(status, began, duration, sum(counts))
    return found


def first_start(engine: Engine) -> datetime | None:
    """Return when the first known run started, deleted ones included; None if there is none.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    with connect_to_read(engine) as connection:
        start = func.min(_runs.sync_start_time, type_=_runs.sync_start_time.type)
        found = [connection.scalar(select(start))]
        if has_rollups(connection):
            day = func.min(days_table.c.day, type_=days_table.c.day.type)
            found.append(connection.scalar(select(day)))
    return min((each for each in found if each is not None), default=None)


def has_run_before(engine: Engine, end: datetime) -> bool:
    """Return whether a run started before a time, even if its row has been deleted since.

    Of the rollups, only days that end by then count: a run of a later day may have come afterwards.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    row = select(_runs.id).where(_runs.sync_start_time < end).limit(1)
    day = select(days_table.c.day).where(days_table.c.day <= end - DAY).limit(1)
    with connect_to_read(engine) as connection:
        if connection.execute(row).first() is not None:
            return True
        return has_rollups(connection) and connection.execute(day).first() is not None


def failed_runs(engine: Engine, period: Period, limit: int) -> tuple[list[FailedRun], bool]:
    """Return the failed, partial and interrupted runs that started in a period.

    Args:
        engine: The database.
        period: The period.
        limit: Maximum number of runs with each status; the newest are read.

    Returns:
        The runs, and whether there are more.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    found: list[FailedRun] = []
    is_cut = False
    with connect_for_long_read(engine) as connection:
        for status in FAILURES:
            # One statement for each status: the index returns the newest runs of one in order.
            rows = connection.execute(_failed(status, period).limit(limit + 1)).all()
            is_cut |= len(rows) > limit
            found += (FailedRun(*row) for row in rows[:limit])
    return found, is_cut


def failure_details(engine: Engine, number: int) -> FailureDetails:
    """Return the details of a failed run by the ``id`` of its row.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    columns = (_runs.error_traceback, _runs.request_context_id)
    with connect_to_read(engine) as connection:
        row = connection.execute(select(*columns).where(_runs.id == number)).first()
    if row is None:  # deleted meanwhile
        return FailureDetails((), None)
    return FailureDetails(tuple((row[0] or ())[-_MOST_PLACES:]), row[1])


def others_succeeded(
    engine: Engine, sync_types: Iterable[str], host: str, since: datetime, until: datetime
) -> bool:
    """Return whether runs on other hosts succeeded while those on one host failed.

    Args:
        engine: The database.
        sync_types: The sync types of the failed runs.
        host: Where they ran.
        since: Start of the first failed run.
        until: Start of the last failed run.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    with connect_to_read(engine) as connection:
        for name in sync_types:
            some = (
                select(_runs.host, _runs.sync_status)
                .where(
                    _runs.sync_type == name,
                    _runs.sync_start_time >= since,
                    _runs.sync_start_time <= until,
                )
                .order_by(_runs.sync_start_time)
                .limit(_MOST_OF_OTHER_HOSTS)
                .subquery()
            )
            is_elsewhere = (some.c.host != host, some.c.sync_status == RunStatus.SUCCESS.value)
            if connection.scalar(select(func.count()).where(*is_elsewhere)):
                return True
    return False


def incidents_during(engine: Engine, begin: datetime, end: datetime) -> list[Incident]:
    """Return the incidents that were open at some time of a period, newest first, at most 1,000.

    Args:
        engine: The database.
        begin: Incidents that were resolved earlier are left out.
        end: Incidents that were opened later are left out.

    Raises:
        StorageError: The database has no table of incidents.
        SQLAlchemyError: The database is unreachable.
    """
    is_during = (
        _incidents.opened_at < end,
        or_(_incidents.resolved_at.is_(None), _incidents.resolved_at > begin),
    )
    newest_first = (_incidents.opened_at.desc(), _incidents.id.desc())
    statement = select(incidents_table).where(*is_during).order_by(*newest_first)
    with explain_missing_tables(engine), connect_to_read(engine) as connection:
        rows = connection.execute(statement.limit(_MOST_INCIDENTS)).all()
    return [to_incident(row) for row in rows]


def _failed(status: RunStatus, period: Period) -> Any:
    message = func.substr(_runs.error_message, 1, _LONGEST_MESSAGE)
    columns = (_runs.id, _runs.sync_type, _runs.sync_start_time, _runs.user_id, _runs.host)
    return (
        select(*columns, _runs.error_type, message)
        .where(
            _runs.sync_status == status.value,
            _runs.sync_start_time >= period.begin,
            _runs.sync_start_time < period.end,
        )
        .order_by(_runs.sync_start_time.desc())
    )
