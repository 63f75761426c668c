"""Inserts that say what happens where a row is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.dialects import postgresql

__all__ = ["insert_on"]


def insert_on(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Make an insert that has ``on_conflict_do_update`` and ``on_conflict_do_nothing``.

    Args:
        dialect: Name of the database's dialect.
        table: Where to insert.
    """
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - slow, and SQLite needs none of it

    return postgresql.insert(table)
