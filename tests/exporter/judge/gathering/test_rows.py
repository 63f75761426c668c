"""What the judge knows of a run is what its row says, and how its runs are found."""

from __future__ import annotations

from typing import get_type_hints

from sqlalchemy import Engine

from canvas_sync_core.names import TABLE
from canvas_sync_core.schema.run_fields import RUN_FIELDS
from canvas_sync_core.store.database import connect_to_read, open_engine, upgrade
from canvas_sync_exporter.judge.gathering.rows import newest_of_each_type
from canvas_sync_exporter.judge.runs import EndedRun
from support.many_types import MANY_TYPES
from support.multiplied import multiply
from support.plans import assert_bounded, explained
from support.run_schema import row_types
from support.runs import running, snapshot, write

_MADE = {"id", "items", "duration", "suspect_reason", "status", "start", "end"}
"""They have a name or a type of their own."""


def test_an_ended_run_has_the_facts_of_the_table_with_their_types() -> None:
    facts = {name: hint for name, hint in get_type_hints(EndedRun).items() if name not in _MADE}
    columns = row_types(RUN_FIELDS)
    assert facts == {name: columns.get(name) for name in facts}


def test_one_query_finds_the_newest_run_of_every_sync_type(many_types: Engine) -> None:
    write(many_types, running("now", sync_type=MANY_TYPES[7]))

    def ask(engine: Engine) -> None:
        with connect_to_read(engine) as connection:
            found = {each.run.sync_type: each.run.id for each in newest_of_each_type(connection)}
        assert found == {name: f"{name} 1" for name in MANY_TYPES} | {MANY_TYPES[7]: "now"}

    (plan,) = explained(many_types, ask)
    assert_bounded([plan])


def test_the_newest_run_of_a_type_is_found_without_reading_those_of_others(
    postgresql_url: str,
) -> None:
    engine = open_engine(postgresql_url)
    upgrade(engine)
    write(engine, snapshot("one", sync_type="full"), snapshot("two", sync_type="grades"))
    multiply(engine, 2000)

    def ask(engine: Engine) -> None:
        with connect_to_read(engine) as connection:
            newest_of_each_type(connection)

    (plan,) = explained(engine, ask)
    engine.dispose()
    assert f"ix_{TABLE}_start" not in plan


def test_an_empty_table_has_no_newest_runs(engine: Engine) -> None:
    with connect_to_read(engine) as connection:
        assert newest_of_each_type(connection) == []
