"""Filters of runs, as conditions for the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, true

from canvas_sync_core.names import RunStatus

from .model import metrics_table
from .run_pages import in_period

__all__ = ["RunFilter"]

_columns = metrics_table.c
Alternatives = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to select; None or an empty value means no filter.

    Attributes:
        host: The machine that the run ran on.
        error_type: Class of the error that ended the run.
        is_suspect: Only runs that differ widely from earlier ones.
        min_duration: Only ended runs that took at least this many seconds.
        max_duration: Only ended runs that took at most this many seconds.
        since: Runs that started then or later.
        until: Runs that started before then.
    """

    statuses: tuple[str, ...] = ()
    sync_types: tuple[str, ...] = ()
    user_id: int | None = None
    course_id: int | None = None
    host: str | None = None
    error_type: str | None = None
    is_suspect: bool = False
    min_duration: float | None = None
    max_duration: float | None = None
    since: datetime | None = None
    until: datetime | None = None

    def indexed(self) -> Alternatives:
        """Return mutually exclusive conditions, each of which an index serves in order of start."""
        first = next(self._indexable(), [true()])
        period = in_period(self.since, self.until)
        return [and_(each, period) for each in first]

    def remaining(self) -> ColumnElement[bool] | None:
        """Return the condition on runs that meet one of :meth:`indexed`; None if there is none."""
        conditions = [or_(*each) for each in list(self._indexable())[1:]]
        conditions += self._unindexable()
        return and_(*conditions) if conditions else None

    @property
    def needs_rows(self) -> bool:
        """Whether some filter is about what rollups do not know."""
        unknown = (self.user_id, self.course_id, self.host, self.min_duration, self.max_duration)
        return self.is_suspect or any(each is not None for each in unknown)

    def matches(self, status: str, sync_type: str, error_type: str | None) -> bool:
        """Return whether a run with these values meets the filters of them."""
        return (
            (not self.statuses or status in self.statuses)
            and (not self.sync_types or sync_type in self.sync_types)
            and (self.error_type is None or error_type == self.error_type)
        )

    def _indexable(self) -> Iterator[Alternatives]:
        """Yield the conditions of each filter that has an index, the most selective first."""
        if self.user_id is not None:
            yield [_columns.user_id == self.user_id]
        if self.is_suspect:
            yield [_columns.suspect.is_(True)]
        if self.course_id is not None:
            yield [_columns.course_id == self.course_id]
        if self.error_type is not None:
            yield [_columns.error_type == self.error_type]
        by_status = [_columns.sync_status == status for status in self.statuses]
        by_type = [_columns.sync_type == name for name in self.sync_types]
        # Most runs are successful, so almost any sync type selects fewer.
        is_common = RunStatus.SUCCESS in self.statuses
        yield from filter(None, (by_type, by_status) if is_common else (by_status, by_type))

    def _unindexable(self) -> Iterator[ColumnElement[bool]]:
        if self.host is not None:
            yield _columns.host == self.host
        if self.min_duration is not None:
            yield _columns.duration >= self.min_duration
        if self.max_duration is not None:
            yield _columns.duration <= self.max_duration
