"""Counts of runs by status, sync type, machine and error, to narrow a list down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select, true

from .database import connect_to_read_snapshot
from .model import metrics_table
from .rollups.run_counts import RunKind, count_runs
from .run_filter import RunFilter
from .run_portions import portions

__all__ = ["Facet", "FacetValue", "RunFacets", "run_facets"]

_SECONDS: Final = 0.2
_MOST_VALUES: Final = 50
_columns = metrics_table.c
_FACETS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "status": ("sync_status", {"statuses": ()}),
    "sync_type": ("sync_type", {"sync_types": ()}),
    "host": ("host", {"host": None}),
    "error_type": ("error_type", {"error_type": None}),
}
"""Facet -> its column, and how to remove its own filter."""
_IN_ROLLUPS: Final = RunKind._fields
"""Facets that rollups can count."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, and how many runs have it."""

    value: str
    runs: int


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one column among the runs that match all other filters.

    Attributes:
        values: The most frequent first, at most 50.
        counted_to: Start of the oldest run that was counted, if the time was up; None if all were.
    """

    values: list[FacetValue]
    counted_to: datetime | None


@dataclass(frozen=True, slots=True)
class RunFacets:
    """How many runs match the filters, and how the list could be narrowed down or widened.

    A facet ignores its own filter, so that the alternatives to its current value have counts too.

    Attributes:
        runs: Number of runs that match all filters.
        counted_to: Start of the oldest run that was counted, if the time was up; None if all were.
    """

    runs: int
    counted_to: datetime | None
    status: Facet
    sync_type: Facet
    host: Facet
    error_type: Facet


@dataclass(frozen=True, slots=True)
class _Counts:
    groups: Counter[tuple[Any, ...]]
    counted_to: datetime | None

    def facet(self, place: int) -> Facet:
        by_value: Counter[str] = Counter()
        for group, runs in self.groups.items():
            if group[place] is not None:
                by_value[group[place]] += runs
        return _facet(by_value, self.counted_to)


def _facet(by_value: Counter[str], counted_to: datetime | None = None) -> Facet:
    in_order = sorted(by_value.items(), key=lambda each: (-each[1], each[0]))
    values = [FacetValue(value, runs) for value, runs in in_order[:_MOST_VALUES] if runs]
    return Facet(values, counted_to)


def run_facets(engine: Engine, wanted: RunFilter, *, seconds: float = _SECONDS) -> RunFacets:
    """Count the runs that match the filters.

    The rollups answer at once and exactly if only the period, status, sync type and error are
    filtered; they do not know machines. Whatever else is counted by rows, newest first, until the
    time is up.

    Args:
        engine: The database with the table.
        wanted: The filters.
        seconds: How long to count rows.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    if not wanted.needs_rows:
        counts = count_runs(engine, wanted.since, wanted.until)
        if counts is not None:
            return _from_rollups(engine, counts, wanted, seconds)
    return _from_rows(engine, wanted, seconds)


def _from_rollups(
    engine: Engine, counts: Counter[RunKind], wanted: RunFilter, seconds: float
) -> RunFacets:
    facets = {}
    for name in _IN_ROLLUPS:
        wider = replace(wanted, **_FACETS[name][1])
        by_value: Counter[str] = Counter()
        for kind, runs in counts.items():
            value: str | None = getattr(kind, name)
            if value is not None and wider.matches(*kind):
                by_value[value] += runs
        facets[name] = _facet(by_value)
    with connect_to_read_snapshot(engine) as connection:
        facets["host"] = _count(connection, wanted, ["host"], seconds).facet(0)
    matching = sum(runs for kind, runs in counts.items() if wanted.matches(*kind))
    return RunFacets(matching, None, **facets)


def _from_rows(engine: Engine, wanted: RunFilter, seconds: float) -> RunFacets:
    widened = {name: replace(wanted, **without) for name, (_, without) in _FACETS.items()}
    filtered = [name for name, wider in widened.items() if wider != wanted]
    unfiltered = [name for name in _FACETS if name not in filtered]
    budget = seconds / (1 + len(filtered))
    with connect_to_read_snapshot(engine) as connection:
        all_counts = _count(connection, wanted, unfiltered, budget)
        facets = {name: all_counts.facet(place) for place, name in enumerate(unfiltered)}
        for name in filtered:
            facets[name] = _count(connection, widened[name], [name], budget).facet(0)
    return RunFacets(all_counts.groups.total(), all_counts.counted_to, **facets)


def _count(
    connection: Connection, wanted: RunFilter, facets: Sequence[str], seconds: float
) -> _Counts:
    """Count runs by the columns of some facets."""
    groups: Counter[tuple[Any, ...]] = Counter()
    columns = [_columns[_FACETS[name][0]] for name in facets]
    remaining = wanted.remaining()
    for portion in portions(connection, wanted, None, seconds):
        keys = portion.keys.subquery()
        statement = (
            select(*columns, func.count())
            .join_from(keys, metrics_table, _columns.id == keys.c.id)
            .where(true() if remaining is None else remaining)
            .group_by(*columns)
        )
        for *group, runs in connection.execute(statement, portion.parameters):
            groups[tuple(group)] += runs
    return _Counts(groups, portion.end and portion.end[0])
