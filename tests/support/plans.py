"""Explains how the database executes statements."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from canvas_sync_core.names import TABLE

__all__ = ["assert_bounded", "explained", "preferring_indexes"]


def preferring_indexes(url: str) -> str:
    """Return a URL with which PostgreSQL reads a table as a whole only if no index can be used.

    A table of a test is so small that it would otherwise be right to do so.
    """
    if url.startswith("sqlite"):
        return url
    return f"{url}{'&' if '?' in url else '?'}options=-c%20enable_seqscan%3Doff"


def explained(
    engine: Engine, question: Callable[[Engine], object], table: str = TABLE
) -> Sequence[str]:
    """Return the plan of each statement about a table that a query executes."""
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    plans: list[str] = []

    def explain(connection: Connection, _cursor: Any, statement: str, *more: Any) -> None:
        reads = statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
        if reads and re.search(rf"\b{table}\b", statement):
            parameters, _context, is_for_several = more
            one = parameters[0] if is_for_several else parameters
            plans.append(_explain(connection, statement, one))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        question(engine)
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert plans
    return plans


def assert_bounded(plans: Sequence[str], table: str = TABLE) -> None:
    """Check that each statement reads a table by a condition on an index, or in order of start.

    In the latter case, a limit ends the reading.
    """
    in_order = re.compile(rf"ix_{table}_(start|suspect|unknown_errors)\b")
    for plan in plans:
        if "cost=" in plan:
            assert "Seq Scan" not in plan, plan
        else:
            for line in plan.splitlines():
                assert f"SCAN {table}" not in line or in_order.search(line), plan


def _explain(connection: Connection, statement: str, parameters: Any) -> str:
    prefix = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    assert connection.connection.dbapi_connection is not None
    cursor = connection.connection.dbapi_connection.cursor()
    cursor.execute(prefix + statement, parameters)
    lines = [str(row[-1]) for row in cursor.fetchall()]
    cursor.close()
    return "".join(f"{line}\n" for line in lines)
