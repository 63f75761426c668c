"""What the judge knows of a run is what its row says, and how its runs are found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import get_type_hints

import pytest
from sqlalchemy import Engine

from canvas_sync_core.schema.run_fields import RUN_FIELDS
from canvas_sync_core.store.database import connect_to_read, open_engine, upgrade
from canvas_sync_exporter.judge.gathering.rows import newest_of_each_type
from canvas_sync_exporter.judge.runs import EndedRun
from support.plans import assert_bounded, explained, preferring_indexes
from support.run_schema import row_types
from support.runs import running, snapshot, write

_MADE = {"id", "items", "duration", "suspect_reason", "status", "start", "end"}
"""They have a name or a type of their own."""
_TYPES = [f"type-{number:02d}" for number in range(40)]


@pytest.fixture
def many_types(empty_database_url: str) -> Iterator[Engine]:
    """A table with 4 runs of each of 40 sync types, one a minute."""
    engine = open_engine(preferring_indexes(empty_database_url))
    upgrade(engine)
    now = time.time()
    for age in range(4, 0, -1):
        runs = (
            snapshot(f"{name} {age}", sync_type=name, start_time=now - 60 * age) for name in _TYPES
        )
        write(engine, *runs)
    yield engine
    engine.dispose()


def test_an_ended_run_has_the_facts_of_the_table_with_their_types() -> None:
    facts = {name: hint for name, hint in get_type_hints(EndedRun).items() if name not in _MADE}
    columns = row_types(RUN_FIELDS)
    assert facts == {name: columns.get(name) for name in facts}


def test_one_query_finds_the_newest_run_of_every_sync_type(many_types: Engine) -> None:
    write(many_types, running("now", sync_type=_TYPES[7]))

    def ask(engine: Engine) -> None:
        with connect_to_read(engine) as connection:
            found = {each.run.sync_type: each.run.id for each in newest_of_each_type(connection)}
        assert found == {name: f"{name} 1" for name in _TYPES} | {_TYPES[7]: "now"}

    (plan,) = explained(many_types, ask)
    assert_bounded([plan])


def test_an_empty_table_has_no_newest_runs(engine: Engine) -> None:
    with connect_to_read(engine) as connection:
        assert newest_of_each_type(connection) == []
