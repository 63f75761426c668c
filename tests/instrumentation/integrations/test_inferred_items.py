"""Items that are read off SQL: created where that is certain, and only what was not rolled back."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from canvas_sync_core.events import Event, ItemCounts, ItemsRecorded
from canvas_sync_instrumentation.integrations._statements import parse_statement
from canvas_sync_instrumentation.integrations.sqlalchemy import (
    instrument_sqlalchemy,
    uninstrument_sqlalchemy,
)
from canvas_sync_instrumentation.testing import recorded_events
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker

TABLE = sa.Table(
    "courses",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String),
)
NOTHING = ItemCounts()
ONE = ItemCounts(processed=1, created=1)


@pytest.fixture(name="events")
def _events() -> Iterator[list[Event]]:
    with recorded_events() as events:
        yield events


@pytest.fixture(name="engine", params=["sqlite", "postgresql"])
def _engine(request: pytest.FixtureRequest, tmp_path: Any, events: list[Event]) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/app.sqlite3"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url").replace(
            "postgresql:", "postgresql+psycopg:"
        )
    engine = sa.create_engine(url)
    TABLE.metadata.create_all(engine)
    instrument_sqlalchemy(engine)
    yield engine
    uninstrument_sqlalchemy(engine)
    engine.dispose()


def inferred(events: list[Event]) -> ItemCounts:
    counts = [
        event.counts
        for event in events
        if isinstance(event, ItemsRecorded) and event.inferred and event.item == "course"
    ]
    return counts[0] if counts else NOTHING


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO courses VALUES (1, 'x')", ONE),
        ("INSERT INTO courses VALUES (1, 'x'), (2, 'on conflict do')", ItemCounts(2, 2)),
        ("INSERT INTO courses VALUES (1, 'x'), (2, 'y') RETURNING id", ItemCounts(2, 2)),
        ("INSERT INTO courses SELECT id + 10, name FROM courses", ONE),
        ("WITH n AS (SELECT 1 AS id) INSERT INTO courses SELECT id, 'x' FROM n", ONE),
        ("INSERT INTO courses VALUES (9, 'x') ON CONFLICT DO NOTHING", ItemCounts(1)),
        ("INSERT INTO courses VALUES (1, 'x') ON CONFLICT (id) DO NOTHING", ItemCounts(1)),
        (
            "INSERT INTO courses VALUES (9, 'x'), (1, 'y') /**/ ON -- so\n CONFLICT (id) "
            "DO UPDATE SET name = excluded.name",
            ItemCounts(2),
        ),
        (
            "INSERT INTO courses SELECT id, 'y' FROM courses WHERE true "
            "ON CONFLICT (id) DO UPDATE SET name = 'z'",
            ItemCounts(1),
        ),
        (
            "WITH n AS (SELECT 9 AS id) INSERT INTO courses SELECT id, 'x' FROM n WHERE true "
            "ON CONFLICT (id) DO UPDATE SET name = 'z'",
            ItemCounts(1),
        ),
        ("UPDATE courses SET name = 'z'", ItemCounts(1, updated=1)),
    ],
)
def test_only_a_row_that_is_certainly_new_counts_as_created(
    engine: Engine, events: list[Event], statement: str, expected: ItemCounts
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO courses VALUES (9, 'old')")
    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert inferred(events) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR IGNORE INTO courses VALUES (?, 'x')",
        "INSERT OR REPLACE INTO courses VALUES (?, 'x')",
        "REPLACE INTO courses VALUES (?, 'x')",
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_sqlites_own_forms_count_as_processed(
    engine: Engine, events: list[Event], statement: str
) -> None:
    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        connection.exec_driver_sql(statement, (1,))
        connection.exec_driver_sql(statement, (1,))
        connection.exec_driver_sql(statement, [(2,), (3,)])
    assert inferred(events) == ItemCounts(processed=4)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("VALUES (1, 'x'), (2, 'y')", ItemCounts(2, 2)),
        ("VALUES (1, 'x'), (2, 'y') ON CONFLICT DO NOTHING", ItemCounts(2)),
        ("SELECT n, 'x' FROM generate_series(1, 3) AS n", ItemCounts(3)),
    ],
)
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_an_insert_inside_a_query_counts(
    engine: Engine, events: list[Event], rest: str, expected: ItemCounts
) -> None:
    statement = f"WITH new AS (INSERT INTO courses {rest} RETURNING id) SELECT id FROM new"
    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert inferred(events) == expected


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_merge_counts_as_processed(engine: Engine, events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        connection.exec_driver_sql(
            "MERGE INTO courses USING (VALUES (1, 'x'), (2, 'y')) AS n (id, name) "
            "ON courses.id = n.id WHEN MATCHED THEN UPDATE SET name = n.name "
            "WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.name)"
        )
    assert inferred(events) == ItemCounts(processed=2)


def test_upserts_of_sqlalchemy_count_as_processed(engine: Engine, events: list[Event]) -> None:
    from sqlalchemy.dialects import postgresql, sqlite

    made = (sqlite if engine.name == "sqlite" else postgresql).insert(TABLE)
    upsert = made.on_conflict_do_update(index_elements=["id"], set_={"name": made.excluded.name})
    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        connection.execute(upsert, [{"id": number, "name": "x"} for number in range(2500)])
        connection.execute(upsert.values([{"id": n, "name": "x" * 500} for n in range(50)]))
    assert inferred(events) == ItemCounts(processed=2550)


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("INSERT INTO courses VALUES (1, 2) ON DUPLICATE KEY UPDATE name = 'x'", 1),
        ("INSERT INTO courses VALUES (1, 2), (3, 4) AS n ON DUPLICATE KEY UPDATE name = n.name", 2),
        ("insert ignore into `courses` (id) values (1), (2), (3)", 3),
        ("INSERT LOW_PRIORITY IGNORE INTO courses VALUES (1)", 1),
        ("INSERT DELAYED IGNORE courses VALUES (1)", 1),
        ("INSERT IGNORE courses SELECT * FROM other", 0),
        ("INSERT OVERWRITE TABLE courses SELECT * FROM other", 0),
        ("MERGE courses USING other ON a = b WHEN NOT MATCHED THEN INSERT VALUES (1)", 0),
        ("REPLACE INTO courses VALUE (1, f(2))", 1),
        ("REPLACE courses SELECT * FROM other", 0),
        ("UPSERT INTO courses VALUES (1)", 1),
        ("MERGE INTO courses USING n ON (a = b) WHEN MATCHED THEN DELETE", 0),
        (f"INSERT INTO courses VALUES ('{'x' * 9000}') ON CONFLICT DO NOTHING", 0),
        (f"INSERT INTO courses VALUES ('{'x' * 7965}') ON DUPLICATE KEY UPDATE a = 1", 0),
    ],
)
def test_upserts_of_every_dialect_are_known(statement: str, rows: int) -> None:
    parsed = parse_statement(statement)
    assert (parsed.is_upsert, parsed.given_rows) == (True, rows)
    assert parsed.table == "courses"


@pytest.mark.parametrize(
    "text",
    [r"'it\'s'", r"E'it\'s'", "$$it's$$", "$t$it's $$$t$", "q'[it's]'", "Nq'!it's!'", "'it''s'"],
)
def test_a_quote_inside_a_text_does_not_hide_what_follows(text: str) -> None:
    clause = "ON CONFLICT DO NOTHING"
    assert parse_statement(f"INSERT INTO courses VALUES ({text}) {clause}").is_upsert
    assert not parse_statement(f"INSERT INTO courses VALUES ({text}, '{clause}')").is_upsert


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO courses VALUES ('on conflict do nothing')",
        r"INSERT INTO courses VALUES ('C:\', 'on conflict do nothing')",
        "INSERT INTO courses SELECT a FROM b JOIN c ON duplicates = 1",
        'INSERT INTO courses ("ignore", "replace") VALUES (1, 2)',
        "INSERT INTO courses SELECT replace(a, 'b', 'c') FROM d",
        "INSERT OR FAIL INTO courses VALUES (1)",
        "SELECT * FROM courses",
        "",
    ],
)
def test_other_statements_are_not_upserts(statement: str) -> None:
    assert not parse_statement(statement).is_upsert


def insert(connection: Connection, number: int) -> None:
    connection.execute(sa.insert(TABLE), {"id": number, "name": "x"})


def test_a_transaction_that_is_rolled_back_leaves_no_items(
    engine: Engine, events: list[Event]
) -> None:
    with CanvasSyncMetricsTracker("t", 42):
        with engine.connect() as connection:
            insert(connection, 1)
            connection.execute(sa.update(TABLE).values(name="y"))
            connection.rollback()
            insert(connection, 2)
            connection.commit()
        with engine.connect() as connection:
            insert(connection, 3)  # and is closed without a commit
        with pytest.raises(RuntimeError), engine.begin() as connection:
            insert(connection, 4)
            raise RuntimeError
    assert inferred(events) == ONE


def test_a_connection_that_is_dropped_without_a_commit_leaves_no_items(
    engine: Engine, events: list[Event]
) -> None:
    with CanvasSyncMetricsTracker("t", 42):
        connection = engine.connect()
        insert(connection, 1)
        connection.commit()
        insert(connection, 2)
        del connection
        gc.collect()
    assert inferred(events) == ONE


def test_a_savepoint_that_is_rolled_back_leaves_the_rest(
    engine: Engine, events: list[Event]
) -> None:
    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        insert(connection, 1)
        with connection.begin_nested():
            insert(connection, 2)
            inner = connection.begin_nested()
            insert(connection, 3)
            inner.rollback()
        undone = connection.begin_nested()
        insert(connection, 4)
        with connection.begin_nested():
            insert(connection, 5)
        undone.rollback()
    assert inferred(events) == ItemCounts(processed=2, created=2)


def test_savepoints_in_plain_sql_are_followed(engine: Engine, events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        insert(connection, 1)
        for statement in ("savepoint a", 'SAVEPOINT "b"', "INSERT INTO courses VALUES (2, 'x')"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("RELEASE SAVEPOINT b")
        connection.exec_driver_sql("ROLLBACK TO a")
        insert(connection, 3)
    assert inferred(events) == ItemCounts(processed=2, created=2)


@pytest.mark.parametrize("comment", ["/* app='sync' */ ", "-- sync\n"])
def test_savepoints_behind_a_comment_are_followed(
    engine: Engine, events: list[Event], comment: str
) -> None:
    @sa.event.listens_for(engine, "before_cursor_execute", retval=True)
    def _comment(*args: Any) -> tuple[str, Any]:
        return comment + args[2], args[3]

    with CanvasSyncMetricsTracker("t", 42), engine.begin() as connection:
        insert(connection, 1)
        savepoint = connection.begin_nested()
        insert(connection, 2)
        savepoint.rollback()
    assert inferred(events) == ONE


def test_a_session_counts_what_it_commits(engine: Engine, events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t", 42), Session(engine) as session:
        session.execute(sa.insert(TABLE), [{"id": n, "name": "x"} for n in range(3)])
        session.commit()
        session.execute(sa.insert(TABLE), [{"id": n, "name": "x"} for n in range(10, 14)])
        session.rollback()
    assert inferred(events) == ItemCounts(processed=3, created=3)


def test_rows_that_fail_stay_failed_and_those_before_them_are_gone(
    engine: Engine, events: list[Event]
) -> None:
    with (
        CanvasSyncMetricsTracker("t", 42),
        pytest.raises(sa.exc.IntegrityError),
        engine.begin() as connection,
    ):
        insert(connection, 1)
        insert(connection, 1)
    assert inferred(events) == ItemCounts(processed=1, failed=1)


def test_without_transactions_a_roll_back_takes_nothing_away(
    engine: Engine, events: list[Event]
) -> None:
    with CanvasSyncMetricsTracker("t", 42), engine.connect() as connection:
        insert(connection.execution_options(isolation_level="AUTOCOMMIT"), 1)
    assert inferred(events) == ONE


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_driver_that_commits_each_statement_keeps_its_items(
    engine: Engine, tmp_path: Any, events: list[Event]
) -> None:
    at_once = sa.create_engine(
        engine.url, connect_args={"isolation_level": None}, poolclass=StaticPool
    )
    instrument_sqlalchemy(at_once)
    with CanvasSyncMetricsTracker("t", 42), at_once.connect() as connection:
        insert(connection, 1)
    uninstrument_sqlalchemy(at_once)
    at_once.dispose()
    assert inferred(events) == ONE


def test_what_is_not_committed_when_the_run_ends_counts(
    engine: Engine, events: list[Event]
) -> None:
    with engine.connect() as connection:
        with CanvasSyncMetricsTracker("t", 42):
            insert(connection, 1)
        connection.commit()
    assert inferred(events) == ONE
