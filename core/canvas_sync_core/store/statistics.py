"""Exact statistics over runs, computed by the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Row, Select, case, func, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from canvas_sync_core.sketch import LARGEST

__all__ = ["NO_VALUES", "Statistics", "read_statistics", "statistics_of", "sum_of"]


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


NO_VALUES: Final = Statistics(count=0, average=None, p50=None, p95=None, p99=None, max=None)
_EVERYTHING: Final = literal("all")
_LARGEST: Final = literal(LARGEST, Float(53))
"""NaN, PostgreSQL's largest value, is beyond it too."""


def statistics_of(
    value: ColumnElement[Any],
    *conditions: ColumnElement[bool],
    by: ColumnElement[str] = _EVERYTHING,
) -> Select[Any]:
    """Ask for the statistics of ``value`` over the runs that meet ``conditions``.

    Args:
        value: What it is about; NULLs are left out, and what is too large or no number.
        conditions: All must hold.
        by: There are statistics for each of its values.

    Returns:
        The question; :func:`read_statistics` reads the answer.
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
    """Read the answer to :func:`statistics_of`: what it is by -> the statistics."""
    return {name: Statistics(*values) for name, *values in map(tuple, rows)}


class sum_of(FunctionElement[Any]):  # noqa: N801 - a function of SQL
    """The sum of a column's whole numbers; it does not overflow."""

    inherit_cache = True


@compiles(sum_of)
def _sum(element: sum_of, compiler: Any, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"


@compiles(sum_of, "sqlite")
def _total(element: sum_of, compiler: Any, **options: Any) -> str:
    """Add up as SQLite's ``total``, exactly to 2^53; its ``sum`` fails beyond 2^63."""
    return f"total({compiler.process(element.clauses, **options)})"
