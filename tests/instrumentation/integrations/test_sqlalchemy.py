"""SQLAlchemy is seen and otherwise left as it is, against real SQLite databases."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from opentelemetry.semconv._incubating.attributes.db_attributes import DbSystemNameValues
from sqlalchemy import event as sa_event
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from canvas_sync_core.events import DbOperation, ErrorRecorded, Event
from canvas_sync_core.store.database import INTERNAL
from canvas_sync_instrumentation.call_recorder import Recorder
from canvas_sync_instrumentation.integrations import sqlalchemy as hook
from canvas_sync_instrumentation.integrations.sqlalchemy import (
    instrument_sqlalchemy,
    uninstrument_sqlalchemy,
)
from canvas_sync_instrumentation.monitor import hook_recorder
from canvas_sync_instrumentation.testing import recorded_events
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker


class Base(DeclarativeBase):
    """Tables of the app."""


class Course(Base):
    __tablename__ = "courses"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


COURSES = Base.metadata.tables["courses"]


def operations(events: list[Event]) -> list[DbOperation]:
    return [event for event in events if isinstance(event, DbOperation)]


def rows(count: int, first: int = 1) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"c{number}"} for number in range(first, first + count)]


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/app.sqlite3")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(name="events")
def _events(engine: Engine) -> Iterator[list[Event]]:
    with recorded_events() as events:
        instrument_sqlalchemy(engine)
        yield events
        uninstrument_sqlalchemy(engine)


def test_each_statement_is_recorded_with_its_table_and_rows(
    engine: Engine, events: list[Event]
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(COURSES), rows(5))
        connection.execute(sa.insert(COURSES), rows(1, first=6))
        connection.execute(sa.update(COURSES).where(COURSES.c.id <= 3).values(name="x"))
        connection.execute(sa.update(COURSES).where(COURSES.c.id > 99).values(name="x"))
        assert len(connection.execute(sa.select(COURSES)).all()) == 6
        connection.exec_driver_sql("DELETE FROM courses")
    assert [(op.operation, op.table, op.count, op.batch) for op in operations(events)] == [
        ("INSERT", "courses", 5, True),
        ("INSERT", "courses", 1, False),
        ("UPDATE", "courses", 3, False),
        ("UPDATE", "courses", 0, False),
        ("SELECT", "courses", 1, False),
        ("DELETE", "courses", 6, False),
    ]
    assert all(0 < op.duration < 60 and op.error_type is None for op in operations(events))
    assert {op.system for op in operations(events)} == {"sqlite"}


def test_a_database_product_has_the_name_of_the_conventions(
    postgresql_url: str, events: list[Event]
) -> None:
    engine = sa.create_engine(postgresql_url.replace("postgresql:", "postgresql+psycopg:", 1))
    instrument_sqlalchemy(engine)
    with engine.connect() as connection:
        connection.execute(sa.select(1))
    uninstrument_sqlalchemy(engine)
    engine.dispose()
    assert {op.system for op in operations(events)} == {"postgresql"}
    assert set(hook._SYSTEMS.values()) <= {product.value for product in DbSystemNameValues}


def test_an_insert_that_travels_in_several_batches_is_one_operation(
    engine: Engine, events: list[Event]
) -> None:
    statement = sa.insert(COURSES).returning(COURSES.c.id)
    with engine.begin() as connection:
        returned = connection.execute(statement, rows(2500)).scalars().all()
    assert len(returned) == 2500
    (op,) = operations(events)
    assert (op.operation, op.table, op.count, op.batch) == ("INSERT", "courses", 2500, True)


def test_objects_of_the_orm_are_one_operation_and_get_their_ids(
    engine: Engine, events: list[Event]
) -> None:
    with Session(engine) as session:
        courses = [Course(name=f"c{number}") for number in range(50)]
        session.add_all(courses)
        session.commit()
        session.expire_all()
        assert {course.id for course in session.scalars(sa.select(Course))} == set(range(1, 51))
    insert, select = operations(events)
    assert (insert.operation, insert.count, insert.batch) == ("INSERT", 50, True)
    assert (select.operation, select.table) == ("SELECT", "courses")


@pytest.mark.parametrize("count", [1, 7])
def test_a_failure_is_recorded_and_raised_as_before(
    engine: Engine, events: list[Event], count: int
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(COURSES), rows(1, first=count))
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError) as raised:
        connection.execute(sa.insert(COURSES), rows(count))
    assert isinstance(raised.value.orig, sqlite3.IntegrityError)
    op = operations(events)[-1]
    assert (op.operation, op.table, op.count, op.error_type) == (
        "INSERT",
        "courses",
        count,
        "IntegrityError",
    )
    (error,) = [event for event in events if isinstance(event, ErrorRecorded)]
    assert (error.operation, error.error.error_type) == ("database", "IntegrityError")


def test_a_failure_in_a_later_batch_ends_the_one_operation(
    engine: Engine, events: list[Event]
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(COURSES), rows(1, first=2400))
    statement = sa.insert(COURSES).returning(COURSES.c.id)
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(statement, rows(2500))
    (op,) = operations(events)[1:]
    assert (op.count, op.batch, op.error_type) == (2500, True, "IntegrityError")


def test_operations_belong_to_the_current_run(engine: Engine, events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("task-1", 42), engine.begin() as connection:
        connection.execute(sa.insert(COURSES), rows(2))
    with engine.connect() as connection:
        connection.execute(sa.select(COURSES))
    inside, outside = operations(events)
    assert inside.context is not None
    assert inside.context.task_id == "task-1"
    assert outside.context is None


async def _sync_beside_another(database: Path) -> None:
    """Two syncs take turns on one async engine; what comes before and after is not recorded."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    instrument_sqlalchemy(engine)
    instrument_sqlalchemy(engine.sync_engine)

    async def sync(task_id: str, first: int) -> None:
        with CanvasSyncMetricsTracker(task_id, 42):
            async with engine.begin() as connection:
                await connection.execute(sa.insert(COURSES), rows(3, first))
            async with engine.connect() as connection:
                with pytest.raises(sa.exc.OperationalError):
                    await connection.execute(sa.text("SELECT * FROM nowhere"))

    await asyncio.gather(sync("one", 1), sync("other", 11))
    uninstrument_sqlalchemy(engine)
    async with engine.connect() as connection:
        assert len((await connection.execute(sa.select(COURSES))).all()) == 6
    await engine.dispose()


@pytest.mark.usefixtures("engine")
def test_an_async_engine_is_seen_under_the_run_of_each_task(
    tmp_path: Path, events: list[Event]
) -> None:
    asyncio.run(_sync_beside_another(tmp_path / "app.sqlite3"))
    seen = [
        (op.context and op.context.task_id, op.operation, op.count, op.error_type)
        for op in operations(events)
    ]
    assert sorted(map(str, seen)) == sorted(
        str((task_id, *op))
        for task_id in ("one", "other")
        for op in (("INSERT", 3, None), ("SELECT", 1, "OperationalError"))
    )


def test_an_internal_engine_is_not_recorded(tmp_path: Path, events: list[Event]) -> None:
    ours = sa.create_engine(
        f"sqlite:///{tmp_path}/ours.sqlite3", execution_options={INTERNAL: True}
    )
    instrument_sqlalchemy()
    try:
        with ours.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x INTEGER)")
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            with pytest.raises(sa.exc.OperationalError):
                connection.exec_driver_sql("SELECT * FROM missing")
    finally:
        uninstrument_sqlalchemy()
        ours.dispose()
    assert events == []


def test_all_engines_are_seen_once_however_often_they_are_instrumented(
    engine: Engine, events: list[Event]
) -> None:
    """An engine that is instrumented by itself and as one of all is still recorded once."""
    for _ in range(2):
        instrument_sqlalchemy(engine)
        instrument_sqlalchemy()
    later = sa.create_engine("sqlite://")
    try:
        for each in (engine, later):
            with each.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        with engine.begin() as connection:
            statement = sa.insert(COURSES).returning(COURSES.c.id)
            connection.execute(statement, rows(1500)).all()
    finally:
        uninstrument_sqlalchemy()
        later.dispose()
    assert [(op.operation, op.count) for op in operations(events)] == [
        ("SELECT", 1),
        ("SELECT", 1),
        ("INSERT", 1500),
    ]


def test_uninstrument_restores_and_may_be_repeated(engine: Engine, events: list[Event]) -> None:
    for _ in range(2):
        uninstrument_sqlalchemy(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert events == []
    assert list(engine.dispatch.before_cursor_execute) == []
    assert list(engine.dispatch.after_execute) == []
    instrument_sqlalchemy(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert len(operations(events)) == 1


def test_an_instrumented_engine_can_be_collected(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/short.sqlite3")
    with recorded_events():
        instrument_sqlalchemy(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    engine.dispose()
    collected = weakref.ref(engine)
    del engine, connection
    gc.collect()
    assert collected() is None
    assert len(hook._started) == len(hook._batches) == 0


class Broken(Recorder):
    """A recorder with a bug."""

    def db_operation_ended(self, *args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError


def test_a_bug_of_ours_does_not_reach_the_app(engine: Engine) -> None:
    with recorded_events(strict=False):
        recorder = Broken(hook_recorder()._reporter)
        instrument_sqlalchemy(engine, recorder=recorder)
        with engine.begin() as connection:
            connection.execute(sa.insert(COURSES), rows(3))
            assert connection.execute(sa.select(COURSES.c.id)).scalars().all() == [1, 2, 3]
        with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
            connection.execute(sa.insert(COURSES), rows(3))
        uninstrument_sqlalchemy(engine)


def test_a_bug_of_ours_is_raised_in_strict_mode(engine: Engine) -> None:
    with recorded_events(strict=True):
        recorder = Broken(hook_recorder()._reporter)
        instrument_sqlalchemy(engine, recorder=recorder)
        with engine.connect() as connection, pytest.raises(ZeroDivisionError):
            connection.execute(sa.select(COURSES))
        uninstrument_sqlalchemy(engine)


def test_another_listener_can_still_rewrite_statements(engine: Engine, events: list[Event]) -> None:
    def rewrite(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> Any:
        return statement.replace("1", "2"), parameters

    sa_event.listen(engine, "before_cursor_execute", rewrite, retval=True)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 2
    assert len(operations(events)) == 1


def test_a_statement_that_controls_a_connection_is_not_an_operation_until_it_fails(
    tmp_path: Path,
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}", connect_args={"timeout": 0})
    with recorded_events() as events:
        instrument_sqlalchemy(engine)
        with engine.connect() as first, engine.connect() as second:
            first.exec_driver_sql("PRAGMA user_version")
            first.exec_driver_sql("BEGIN IMMEDIATE")
            with pytest.raises(sa.exc.OperationalError):
                second.exec_driver_sql("BEGIN IMMEDIATE")
        uninstrument_sqlalchemy(engine)
    engine.dispose()
    operations = [event for event in events if isinstance(event, DbOperation)]
    assert [(event.operation, event.outcome) for event in operations] == [("BEGIN", "failed")]
