"""Which errors ended runs, and how often over time, from the rollups."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, select

from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.run_pages import in_period
from canvas_sync_core.store.stored_times import EARLIEST

from .aggregates import ENDED, KIND_COLUMNS, Groups
from .buckets import DAY, whole_buckets
from .error_counts import gather_error_counts, has_unknown_errors, merge_error_counts
from .slice_reader import SliceReader, Slices
from .snapshot import RollupSnapshot

__all__ = [
    "ErrorPoint",
    "ErrorReader",
    "ErrorSeries",
    "ErrorSummary",
    "NamedErrors",
    "TopErrors",
    "period_before",
]

_OTHER: Final = "other"
_MOST_DAYS: Final = 400
_columns = metrics_table.c
_start, _number = _columns.sync_start_time, _columns.id
_Counts = Counter[tuple[str, str]]
"""Number of runs by sync type and error."""


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """An error that ended runs of a period.

    Attributes:
        error_type: Class of the error, or ``Partial`` or ``Interrupted``.
        runs: Number of runs that it ended.
        previous_runs: The same in the period of equal length before; 0 means that it is new.
        by_sync_type: Number of runs by sync type.
        first_seen: Start of the first of these runs; None if all rows were deleted.
        last_seen: Start of the last of these runs.
        last_run_id: Number of that run.
        last_task_id: Its task id.
        last_message: Its error message.
    """

    error_type: str
    runs: int
    previous_runs: int
    by_sync_type: dict[str, int]
    first_seen: datetime | None
    last_seen: datetime | None
    last_run_id: int | None
    last_task_id: str | None
    last_message: str | None


@dataclass(frozen=True, slots=True)
class TopErrors:
    """The most frequent errors of a period.

    Attributes:
        until: The end of the period, exclusive.
        runs: Number of all runs that an error ended.
    """

    items: list[ErrorSummary]
    since: datetime
    until: datetime
    runs: int


@dataclass(frozen=True, slots=True)
class ErrorPoint:
    """How many runs that started in a part of a period an error ended."""

    start: datetime
    end: datetime
    runs: int


@dataclass(frozen=True, slots=True)
class NamedErrors:
    """The points of one error, oldest first."""

    name: str
    points: list[ErrorPoint]


@dataclass(frozen=True, slots=True)
class ErrorSeries:
    """Errors over time.

    Attributes:
        since: Start of the first point.
        until: End of the last one.
        step: How much time a point covers, such as ``1h``.
        series: One for each of the most frequent errors, and ``other`` for the rest.
    """

    since: datetime
    until: datetime
    step: str
    series: list[NamedErrors]


class ErrorReader:
    """Answers with exact numbers of runs by error.

    Its methods raise ``TooManySlicesError`` if a step is too short for the period, ``StorageError``
    if too much is not in the rollups yet, and ``SQLAlchemyError`` if the database is unreachable.

    Args:
        engine: The database with the table.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._slices: SliceReader[_Counts] = SliceReader(
            engine,
            _counts,
            merge_error_counts,
            lacks=has_unknown_errors,
            columns=KIND_COLUMNS,
            gather_rows=gather_error_counts,
        )

    def top(
        self,
        since: datetime,
        until: datetime,
        limit: int,
        snapshot: RollupSnapshot | None = None,
    ) -> TopErrors:
        """Return the most frequent errors of a period.

        Args:
            since: Start of the period, which is extended to whole 15-minute buckets.
            until: End of the period, exclusive.
            limit: Maximum number of errors.
            snapshot: What to read them from, from :func:`period_before` on; None to read
                everything now.
        """
        begin, end = whole_buckets(since, until)
        end = end or until
        earlier = period_before(since, until)
        counts = self._total(begin, end, snapshot)
        before = (
            _by_error(self._total(earlier, begin, snapshot)) if earlier < begin else Counter[str]()
        )
        with (
            connect_to_read(self._engine)
            if snapshot is None
            else nullcontext(snapshot.connection) as connection
        ):
            items = [
                _summary(connection, name, runs, before[name], in_period(begin, end))
                for name, runs in _most_frequent(counts, limit)
            ]
        return TopErrors(items, begin, end, counts.total())

    def series(
        self,
        since: datetime,
        until: datetime,
        *,
        step: str | None = None,
        zone: tzinfo = UTC,
        limit: int = 10,
        snapshot: RollupSnapshot | None = None,
    ) -> ErrorSeries:
        """Return how often the most frequent errors ended runs over time.

        Args:
            since: Start of the period, which is extended to whole 15-minute buckets.
            until: End of the period, exclusive.
            step: How much time a point covers, one of :data:`~.slices.STEPS`; None for the
                shortest one with which there are at most 200 points.
            zone: Time zone of the days.
            limit: Maximum number of errors that have a series.
            snapshot: What to read them from; None to read everything now.
        """
        begin, end = whole_buckets(since, until)
        found = self._slices.read(begin, end or until, step, zone, snapshot)
        frequent = [name for name, _ in _most_frequent(_sum(found), limit)]
        points: dict[str, list[ErrorPoint]] = {name: [] for name in frequent}
        others: list[ErrorPoint] = []
        for part, counts in found.values:
            by_error = _by_error(counts)
            for name in frequent:
                points[name].append(ErrorPoint(part.begin, part.end, by_error.pop(name, 0)))
            others.append(ErrorPoint(part.begin, part.end, by_error.total()))
        series = [NamedErrors(name, each) for name, each in points.items()]
        if any(point.runs for point in others):
            series.append(NamedErrors(_OTHER, others))
        return ErrorSeries(found.since, found.until, found.step, series)

    def _total(self, begin: datetime, end: datetime, snapshot: RollupSnapshot | None) -> _Counts:
        # Days, unless there are too many: each roll-up changes all shorter slices of its day.
        step = "1d" if end - begin <= _MOST_DAYS * DAY else None
        return _sum(self._slices.read(begin, end, step, UTC, snapshot))


def period_before(since: datetime, until: datetime) -> datetime:
    """Return the start of the period of equal length before one in whole 15-minute buckets."""
    begin, end = whole_buckets(since, until)
    return begin - min((end or until) - begin, begin - EARLIEST)


def _counts(groups: Groups) -> _Counts:
    counts: _Counts = Counter()
    for (sync_type, _), aggregate in groups.items():
        for error, runs in (aggregate.errors or {}).items():
            counts[sync_type, error] += runs
    return counts


def _sum(slices: Slices[_Counts]) -> _Counts:
    total: _Counts = Counter()
    for _, counts in slices.values:
        total.update(counts)
    return total


def _by_error(counts: _Counts) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, error), runs in counts.items():
        found[error] += runs
    return found


def _most_frequent(counts: _Counts, limit: int) -> list[tuple[str, Counter[str]]]:
    """Return the most frequent errors, each with its number of runs by sync type."""
    by_type: dict[str, Counter[str]] = {}
    for (sync_type, error), runs in counts.items():
        by_type.setdefault(error, Counter())[sync_type] += runs
    return sorted(by_type.items(), key=lambda each: (-each[1].total(), each[0]))[:limit]


def _summary(
    connection: Connection,
    error: str,
    by_type: Counter[str],
    previous_runs: int,
    period: ColumnElement[bool],
) -> ErrorSummary:
    runs = select(_start, _number, _columns.sync_task_id, _columns.error_message).where(
        _columns.error_type == error, period, ENDED
    )
    first = connection.execute(runs.order_by(_start, _number).limit(1)).first()
    last = connection.execute(runs.order_by(_start.desc(), _number.desc()).limit(1)).first()
    start, number, task_id, message = last or (None, None, None, None)
    return ErrorSummary(
        error_type=error,
        runs=by_type.total(),
        previous_runs=previous_runs,
        by_sync_type=dict(sorted(by_type.items())),
        first_seen=None if first is None else first[0],
        last_seen=start,
        last_run_id=number,
        last_task_id=task_id,
        last_message=message,
    )
