"""Aggregates of runs: counts, sums and sketches, which can be merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from operator import add
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, case, func, select, type_coerce
from sqlalchemy.types import NULLTYPE

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import RUN_FIELDS, item_column
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.stored_values import limit_count, read_number

from .buckets import BucketRange, within

__all__ = [
    "CALL_COLUMNS",
    "ENDED",
    "KIND_COLUMNS",
    "MEASURES",
    "ROW_COLUMNS",
    "SUMMED",
    "Aggregate",
    "Group",
    "Groups",
    "add_up",
    "add_up_range",
    "gather",
    "later",
    "merge",
]

SUMMED: Final = tuple(each.column for each in RUN_FIELDS if each.is_summed)
"""Columns whose sums are stored."""
CALL_COLUMNS: Final = tuple(each.column for each in RUN_FIELDS if each.is_summed and each.is_total)
"""Columns that count API calls and database operations."""
_SMALLEST: Final = 1e-9
_columns = metrics_table.c
ENDED: Final = _columns.sync_status != RunStatus.RUNNING.value
"""Selects the runs that are aggregated."""
MEASURES: Final[dict[str, ColumnElement[Any]]] = {
    "duration": _columns.duration,
    # PostgreSQL fails if the result of a division is too small to represent.
    "api_latency": case(
        (_columns.api_calls == 0, None),
        (func.abs(_columns.api_seconds) < _SMALLEST, 0.0),
        else_=_columns.api_seconds / func.nullif(_columns.api_calls, 0),
    ),
    "db_time": _columns.db_seconds,
}
"""Measures of an ended run, in seconds."""
ROW_COLUMNS: Final[tuple[ColumnElement[Any], ...]] = (
    _columns.sync_start_time,
    _columns.sync_type,
    _columns.sync_status,
    _columns.sync_end_time,
    _columns.error_type,
    *(
        type_coerce(column, NULLTYPE)
        for column in (*MEASURES.values(), *(_columns[name] for name in SUMMED))
    ),
)
"""Columns that are read from a run's row, in the order that :func:`gather` expects.

Numbers are read as they are stored: to convert each of them would take longer than to add them up.
"""
_END: Final = 3
_ERROR: Final = 4
KIND_COLUMNS: Final = ROW_COLUMNS[: _ERROR + 1]
"""The first columns of these: enough to count runs, and read much faster."""
_FIRST_MEASURE: Final = 5
_FIRST_SUM: Final = _FIRST_MEASURE + len(MEASURES)
_PROCESSED: Final = [_FIRST_SUM + SUMMED.index(item_column(item, "processed")) for item in ITEMS]

Group = tuple[str, str]
"""Sync type and status."""
_Place = TypeVar("_Place", bound=Hashable)


def _nothing() -> list[int]:
    return [0] * len(SUMMED)


def _no_sketches() -> dict[str, Sketch]:
    return {name: Sketch() for name in MEASURES}


def _no_moments() -> list[datetime | None]:
    return [None] * len(ITEMS)


@dataclass(slots=True)
class Aggregate:
    """The aggregate of some runs.

    Attributes:
        runs: Number of runs.
        sums: Sums of the columns :data:`SUMMED`, in that order.
        measures: Sketches of :data:`MEASURES`.
        newest: The latest end of a run that handled an item, for each of :data:`ITEMS`.
        errors: Number of runs by the class of the error that ended them; None if unknown, as in
            rollups that an older version made.
    """

    runs: int = 0
    sums: list[int] = field(default_factory=_nothing)
    measures: dict[str, Sketch] = field(default_factory=_no_sketches)
    newest: list[datetime | None] = field(default_factory=_no_moments)
    errors: Counter[str] | None = field(default_factory=Counter)

    def merge(self, other: Aggregate) -> None:
        """Add the aggregate of other runs."""
        self.runs += other.runs
        self.sums = [one + another for one, another in zip(self.sums, other.sums, strict=True)]
        for name, sketch in other.measures.items():
            self.measures[name].merge(sketch)
        self.newest = list(map(later, self.newest, other.newest))
        if self.errors is None or other.errors is None:
            self.errors = None
        elif other.errors:
            self.errors.update(other.errors)

    def add_columns(self, columns: Sequence[Sequence[Any]]) -> None:
        """Add runs, given as the values of each of :data:`ROW_COLUMNS`."""
        self.runs += len(columns[_END])
        self.sums = list(map(add, self.sums, _sums(columns[_FIRST_SUM:])))
        for name, values in zip(MEASURES, columns[_FIRST_MEASURE:_FIRST_SUM], strict=True):
            self.measures[name].add(_numbers(values))
        ends = columns[_END]
        for number, processed in enumerate(_PROCESSED):
            of_item = filter(None, compress(ends, columns[processed]))
            self.newest[number] = later(self.newest[number], max(of_item, default=None))
        if self.errors is not None:
            self.errors.update(error for error in columns[_ERROR] if error is not None)


def _sums(columns: Sequence[Sequence[Any]]) -> list[int]:
    """Add up columns of integers; SQLite may have stored values of any type among them."""
    try:
        totals = list(map(sum, columns))
    except TypeError:
        return list(map(_sum, columns))
    return totals if set(map(type, totals)) <= {int} else list(map(_sum, columns))


def _sum(values: Sequence[Any]) -> int:
    try:
        total = sum(values)
    except TypeError:
        total = None
    return total if type(total) is int else sum(map(limit_count, values))


def _numbers(values: Sequence[Any]) -> Sequence[float]:
    """Return the values that are known; SQLite may have stored values of any type among them."""
    types = set(map(type, values))
    if types <= {float, int}:
        return values
    return [read_number(value) for value in values if value is not None]


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two times; None if there is neither."""
    if one is None or other is None:
        return one or other
    return max(one, other)


Groups = dict[Group, Aggregate]
"""Aggregates by sync type and status."""


def merge(into: Groups, found: Groups) -> None:
    """Add aggregates, group by group, without changing the added ones."""
    for group, aggregate in found.items():
        _of_group(into, group).merge(aggregate)


def _of_group(groups: Groups, group: Group) -> Aggregate:
    aggregate = groups.get(group)
    if aggregate is None:
        aggregate = groups[group] = Aggregate()
    return aggregate


def gather(
    rows: Iterable[Sequence[Any]], place: Callable[[datetime], _Place]
) -> dict[_Place, Groups]:
    """Add up runs, grouped by key.

    Args:
        rows: Runs as :data:`ROW_COLUMNS`.
        place: Returns the key for a run's start.
    """
    sorted_out: dict[tuple[_Place, Group], list[Sequence[Any]]] = {}
    for row in rows:
        sorted_out.setdefault((place(row[0]), (row[1], row[2])), []).append(row)
    found: dict[_Place, Groups] = {}
    for (where, group), runs in sorted_out.items():
        aggregate = _of_group(found.setdefault(where, {}), group)
        aggregate.add_columns(list(zip(*runs, strict=True)))
    return found


def add_up(rows: Iterable[Sequence[Any]]) -> Groups:
    """Add up runs, given as :data:`ROW_COLUMNS`, without grouping."""
    return gather(rows, lambda _start: None).get(None, {})


def add_up_range(connection: Connection, bucket_range: BucketRange) -> Groups:
    """Add up the ended runs that started in a bucket, from their rows."""
    is_in_range = within(_columns.sync_start_time, bucket_range.begin, bucket_range.end)
    runs = select(*ROW_COLUMNS).where(is_in_range, ENDED)
    return add_up(connection.execute(runs))
