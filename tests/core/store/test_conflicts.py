"""An insert knows in each database what to do about a row that is there already."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Insert, Integer, MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite

from canvas_sync_core.store.conflicts import insert_on

COURSES = Table("courses", MetaData(), Column("id", Integer, primary_key=True))


@pytest.mark.parametrize(
    ("dialect", "kind"), [("sqlite", sqlite.Insert), ("postgresql", postgresql.Insert)]
)
def test_an_insert_is_that_of_the_dialect(dialect: str, kind: type[Insert]) -> None:
    statement = insert_on(dialect, COURSES).on_conflict_do_nothing(index_elements=["id"])
    assert isinstance(statement, kind)
