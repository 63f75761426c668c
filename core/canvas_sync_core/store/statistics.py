"""Exact statistics over runs, computed by the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Row, Select, case, func, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from canvas_sync_core.sketch import LARGEST

__all__ = ["NO_VALUES", "Statistics", "read_statistics", "statistics_query", "sum_of"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of some values; without values, everything except the count is None.

    Percentiles are by nearest rank: the smallest value that is not exceeded by at least that
    percentage of the values. Those of rollups are at most 1 % off, the others are exact.
    """

    count: int
    average: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


NO_VALUES: Final = Statistics(count=0, average=None, p50=None, p95=None, p99=None, max=None)
_EVERYTHING: Final = literal("all")
_LARGEST: Final = literal(LARGEST, Float(53))
"""In PostgreSQL, NaN is larger than any number, so it is excluded too."""


def statistics_query(
    value: ColumnElement[Any],
    *conditions: ColumnElement[bool],
    by: ColumnElement[str] = _EVERYTHING,
) -> Select[Any]:
    """Build the query for the statistics of ``value`` over the runs that meet ``conditions``.

    Args:
        value: The measured expression; NULLs, values that are too large and non-numbers are
            ignored.
        conditions: All must hold.
        by: Group by this expression.

    Returns:
        The query; :func:`read_statistics` reads its result.
    """
    ranked = (
        select(
            by.label("name"),
            value.label("value"),
            func.row_number().over(partition_by=by, order_by=value).label("rank"),
            func.count().over(partition_by=by).label("total"),
        )
        .where(value.between(-_LARGEST, _LARGEST), *conditions)
        .subquery()
    )

    def percentile(percent: int) -> ColumnElement[Any]:
        rank = (ranked.c.total * percent + 99) // 100
        return func.max(case((ranked.c.rank == rank, ranked.c.value)))

    return select(
        ranked.c.name,
        func.count(),
        func.avg(ranked.c.value),
        percentile(50),
        percentile(95),
        percentile(99),
        func.max(ranked.c.value),
    ).group_by(ranked.c.name)


def read_statistics(rows: Iterable[Row[Any]]) -> dict[str, Statistics]:
    """Read the result of :func:`statistics_query`: group -> statistics."""
    return {name: Statistics(*values) for name, *values in map(tuple, rows)}


class sum_of(FunctionElement[Any]):  # noqa: N801 - a function of SQL
    """The sum of an integer column, without overflow."""

    inherit_cache = True


@compiles(sum_of)
def _sum(element: sum_of, compiler: Any, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"


@compiles(sum_of, "sqlite")
def _total(element: sum_of, compiler: Any, **options: Any) -> str:
    """Use SQLite's ``total``, exact up to 2^53, since its ``sum`` fails beyond 2^63."""
    return f"total({compiler.process(element.clauses, **options)})"
