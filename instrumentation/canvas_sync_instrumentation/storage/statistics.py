"""Exact statistics over runs, computed by the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, literal, select

__all__ = ["NO_VALUES", "Statistics", "statistics", "statistics_by"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What some values add up to; everything but the count is None when there are none.

    A percentile is exact, by nearest rank: the smallest value that at least so many percent of the
    values do not exceed. It is always one of the values.
    """

    count: int
    average: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


NO_VALUES = Statistics(0, None, None, None, None, None)


def statistics(
    connection: Connection, value: ColumnElement[Any], *conditions: ColumnElement[bool]
) -> Statistics:
    """Compute the statistics of ``value`` over the runs that meet ``conditions``."""
    everything = literal("all")
    return statistics_by(connection, everything, value, *conditions).get("all", NO_VALUES)


def statistics_by(
    connection: Connection,
    group: ColumnElement[str],
    value: ColumnElement[Any],
    *conditions: ColumnElement[bool],
) -> dict[str, Statistics]:
    """Compute the statistics of ``value`` for each value of ``group``; NULLs are left out."""
    ranked = (
        select(
            group.label("name"),
            value.label("value"),
            func.row_number().over(partition_by=group, order_by=value).label("rank"),
            func.count().over(partition_by=group).label("total"),
        )
        .where(value.is_not(None), *conditions)
        .subquery()
    )

    def percentile(percent: int) -> ColumnElement[Any]:
        rank = (ranked.c.total * percent + 99) // 100
        return func.max(case((ranked.c.rank == rank, ranked.c.value)))

    statement = select(
        ranked.c.name,
        func.count(),
        func.avg(ranked.c.value),
        percentile(50),
        percentile(95),
        percentile(99),
        func.max(ranked.c.value),
    ).group_by(ranked.c.name)
    return {name: Statistics(*values) for name, *values in connection.execute(statement)}
