"""Figures of runs over time, from the rollups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Engine

from canvas_sync_core.names import ITEMS
from canvas_sync_core.schema.run_fields import item_column
from canvas_sync_core.store.statistics import Statistics
from canvas_sync_core.store.stored_values import limit_count

from .aggregates import SUMMED, Group, Groups
from .buckets import whole_buckets
from .slice_reader import SliceReader
from .slices import Slice
from .snapshot import RollupSnapshot
from .totals import RollupTotals

__all__ = ["NamedSeries", "RunSeries", "SeriesBy", "SeriesPoint", "SeriesReader"]

_ALL: Final = "all"


class SeriesBy(StrEnum):
    """What each series is for."""

    ALL = "all"
    SYNC_TYPE = "sync_type"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The ended runs that started in a part of a period.

    Attributes:
        end: The end of this part, exclusive.
        by_status: Number of runs by status; statuses without runs are left out.
        items: Number of handled items, by item in the plural.
    """

    start: datetime
    end: datetime
    runs: int
    by_status: dict[str, int]
    duration: Statistics
    api_latency: Statistics
    db_time: Statistics
    api_calls: int
    api_failed: int
    api_throttled: int
    api_retried: int
    db_operations: int
    db_failed: int
    items: dict[str, int]


_SUMS: Final = [each.name for each in fields(SeriesPoint) if each.name in SUMMED]


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """A series of points, oldest first; parts without runs have a point too."""

    name: str
    points: list[SeriesPoint]


@dataclass(frozen=True, slots=True)
class RunSeries:
    """Figures of runs over time.

    Attributes:
        since: Start of the first point.
        until: End of the last one.
        step: How much time a point covers, such as ``1h``.
        by: What each series is for.
        series: One series named ``all``, or one for each sync type or status, by name.
    """

    since: datetime
    until: datetime
    step: str
    by: str
    series: list[NamedSeries]


_Figures = Mapping[str, Any]
"""What a point shows, apart from its time; by field."""


class SeriesReader:
    """Answers with series: counts and sums exactly, percentiles within 1 %.

    Args:
        engine: The database with the table.
    """

    def __init__(self, engine: Engine) -> None:
        self._readers = {
            SeriesBy.ALL: SliceReader(engine, lambda groups: _figures(groups, lambda _: _ALL)),
            SeriesBy.SYNC_TYPE: SliceReader(
                engine, lambda groups: _figures(groups, lambda group: group[0])
            ),
            SeriesBy.STATUS: SliceReader(
                engine, lambda groups: _figures(groups, lambda group: group[1])
            ),
        }

    def read(
        self,
        since: datetime,
        until: datetime,
        *,
        step: str | None = None,
        by: SeriesBy = SeriesBy.ALL,
        zone: tzinfo,
        snapshot: RollupSnapshot | None = None,
    ) -> RunSeries:
        """Return the figures of the ended runs of a period.

        Args:
            since: Start of the period, which is extended to whole 15-minute buckets.
            until: End of the period, exclusive. There are no points for days after today.
            step: How much time a point covers, one of :data:`~.slices.STEPS`; None for the
                shortest one with which there are at most 200 points.
            by: What each series is for.
            zone: Time zone of the days.
            snapshot: What to read them from; None to read everything now.

        Raises:
            TooManySlicesError: The step is too short for the period.
            StorageError: Too much is not in the rollups yet.
            SQLAlchemyError: The database is unreachable.
        """
        begin, end = whole_buckets(since, until)
        found = self._readers[by].read(begin, end or until, step, zone, snapshot)
        names = (
            {_ALL} if by is SeriesBy.ALL else {name for _, each in found.values for name in each}
        )
        series = [
            NamedSeries(name, [_point(part, each.get(name)) for part, each in found.values])
            for name in sorted(names)
        ]
        return RunSeries(found.since, found.until, found.step, by.value, series)


def _figures(groups: Groups, name_of: Callable[[Group], str]) -> dict[str, _Figures]:
    by_name: dict[str, Groups] = {}
    for group, aggregate in groups.items():
        by_name.setdefault(name_of(group), {})[group] = aggregate
    return {name: _figures_of(found) for name, found in by_name.items()}


def _figures_of(groups: Groups) -> _Figures:
    totals, by_status = RollupTotals(), Counter[str]()
    totals.add_groups(groups)
    for (_, status), aggregate in groups.items():
        by_status[status] += aggregate.runs
    sums = {name: limit_count(value) for name, value in zip(SUMMED, totals.sums, strict=True)}
    return {
        **totals.statistics,
        **{name: sums[name] for name in _SUMS},
        "runs": sum(by_status.values()),
        "by_status": dict(sorted(by_status.items())),
        "items": {f"{item}s": sums[item_column(item, "processed")] for item in ITEMS},
    }


_NOTHING: Final = _figures_of({})


def _point(part: Slice, figures: _Figures | None) -> SeriesPoint:
    return SeriesPoint(start=part.begin, end=part.end, **(figures or _NOTHING))
