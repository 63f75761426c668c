"""The reference sync app, un-instrumented, against the simulated Canvas."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from canvasapi.exceptions import CanvasException, InvalidAccessToken
from sqlalchemy import Engine, event, select

from canvas_sync_demo import canvas_server as simulated
from canvas_sync_demo.canvas_server import Behaviour, CanvasServer, Fault, FaultPlan, When
from canvas_sync_demo.sync_app import canvas as access
from canvas_sync_demo.sync_app.canvas import connect
from canvas_sync_demo.sync_app.courses import copy_courses
from canvas_sync_demo.sync_app.database import open_database
from canvas_sync_demo.sync_app.models import (
    Assignment,
    Base,
    Course,
    Enrollment,
    Grade,
    Submission,
    User,
)
from support.canvas import SMALL_SCHOOL

TEACHER = 41
ASSIGNMENTS = "/api/v1/courses/:course_id/assignments"
SUBMISSIONS = "/api/v1/courses/:course_id/students/submissions"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "app.sqlite3")
    yield engine
    engine.dispose()


def sync(server: CanvasServer, engine: Engine, user: int = TEACHER) -> list[int]:
    return copy_courses(connect(server.url, server.tokens[user], timeout=60), engine)


def column(engine: Engine, column: Any) -> dict[int, Any]:
    """A column's values by id."""
    with engine.connect() as connection:
        rows = connection.execute(select(column.class_.id, column))
        return {row[0]: row[1] for row in rows}


def assert_copied(server: CanvasServer, engine: Engine, courses: set[int]) -> None:
    school = server.school
    enrolled = [item for item in school.enrollments.values() if item.course_id in courses]
    handed_in = [item for item in school.submissions.values() if item.course_id in courses]
    tasks = [item for item in school.assignments.values() if item.course_id in courses]
    assert column(engine, Course.name) == {key: school.courses[key].name for key in courses}
    assert column(engine, User.email) == {
        item.user_id: school.users[item.user_id].email for item in enrolled
    }
    assert column(engine, Enrollment.user_id) == {item.id: item.user_id for item in enrolled}
    assert column(engine, Assignment.due_at) == {
        item.id: item.due_at.replace(tzinfo=None) for item in tasks
    }
    assert column(engine, Submission.user_id) == {item.id: item.user_id for item in handed_in}
    assert column(engine, Grade.score) == {
        item.id: item.score for item in handed_in if item.score is not None
    }


def test_a_sync_copies_just_what_canvas_has(canvas_server: CanvasServer, engine: Engine) -> None:
    assert sync(canvas_server, engine) == []
    assert_copied(canvas_server, engine, {101, 102})


def test_a_second_sync_writes_only_what_changed(
    canvas_server: CanvasServer, engine: Engine
) -> None:
    sync(canvas_server, engine)
    written: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("SELECT", "PRAGMA", "BEGIN")):
            written.append(" ".join(statement.split()[:3]))

    sync(canvas_server, engine)
    assert written == []
    canvas_server.evolve()
    sync(canvas_server, engine)
    assert_copied(canvas_server, engine, {101, 102})
    assert {"UPDATE courses SET", "UPDATE assignments SET", "INSERT INTO assignments"} <= {*written}


def test_a_time_stays_the_text_that_canvas_sent(canvas_server: CanvasServer) -> None:
    """To read each attribute as a date would take most of the processor time of a sync."""
    canvas = connect(canvas_server.url, canvas_server.tokens[TEACHER], timeout=60)
    assignment = canvas.get_course(101).get_assignments()[0]
    assert assignment.due_at.endswith("Z")
    assert not hasattr(assignment, "due_at_date")


def test_two_users_share_one_database(canvas_server: CanvasServer, engine: Engine) -> None:
    sync(canvas_server, engine, 41)
    sync(canvas_server, engine, 42)
    assert_copied(canvas_server, engine, {101, 102, 103, 104})


def test_syncs_of_users_who_share_people_run_at_the_same_time(
    canvas_server: CanvasServer, tmp_path: Path
) -> None:
    """Each with a database connection of its own, from an empty database on."""
    file = tmp_path / "shared.sqlite3"

    def copy(user: int) -> list[int]:
        engine = open_database(file)
        try:
            return sync(canvas_server, engine, user)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(copy, [41, 42, 43])) == [[], [], []]
    engine = open_database(file)
    assert_copied(canvas_server, engine, {101, 102, 103, 104, 105, 106})
    engine.dispose()


def test_opening_a_new_database_waits_for_the_process_that_is_using_it(tmp_path: Path) -> None:
    file = tmp_path / "shared.sqlite3"
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as other,
        ThreadPoolExecutor() as pool,
    ):
        other.execute("BEGIN IMMEDIATE")
        opened = pool.submit(open_database, file)
        assert wait([opened], timeout=0.2).not_done
        other.execute("COMMIT")
        opened.result(30).dispose()


def test_an_expired_token_ends_the_sync_with_the_error_and_nothing_written(engine: Engine) -> None:
    plan = FaultPlan({TEACHER: (Fault(simulated.TokenRefused("expired")),)})
    with (
        CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server,
        pytest.raises(InvalidAccessToken, match="Expired access token"),
    ):
        sync(server, engine)
    assert [column(engine, model.id) for model in (Course, User)] == [{}, {}]


@pytest.mark.parametrize("effect", [simulated.Forbidden(), simulated.Missing()], ids=repr)
def test_a_course_that_cannot_be_read_is_reported_and_the_others_are_copied(
    engine: Engine, effect: simulated.faults.Effect
) -> None:
    plan = FaultPlan({TEACHER: (Fault(effect, When(course_id=101)),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
        assert sync(server, engine) == [101]
        assert set(column(engine, Assignment.course_id).values()) == {102}


class TestPatience:
    @pytest.fixture(autouse=True)
    def _no_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(access, "_FIRST_PAUSE", 0.001)

    @pytest.mark.parametrize(
        "effect",
        [simulated.ServerError(502), simulated.Dropped(), simulated.Slow(30.0)],
        ids=repr,
    )
    def test_outlasts_a_passing_failure_in_the_middle_of_a_list(
        self, engine: Engine, effect: simulated.faults.Effect
    ) -> None:
        """The second page fails twice; no page is fetched again and no item is lost."""
        plan = FaultPlan({TEACHER: (Fault(effect, When(SUBMISSIONS, first=2, times=2)),)})
        with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
            token = server.tokens[TEACHER]
            timeout = 3.0 if isinstance(effect, simulated.Slow) else 60.0
            assert copy_courses(connect(server.url, token, timeout=timeout), engine) == []
            assert_copied(server, engine, {101, 102})
        fetched = [count for key, count in server.requests.items() if key[1] == SUBMISSIONS]
        assert sum(fetched) == 2 * 2 + 2

    @pytest.mark.parametrize("status", [403, 429])
    def test_outlasts_throttling(self, engine: Engine, status: int) -> None:
        """The quota comes back while the app waits: here a second passes between two looks."""
        ticks = iter(range(10**6))
        plan = FaultPlan({TEACHER: (Fault(simulated.QuotaSpent(620), When(ASSIGNMENTS)),)})
        with CanvasServer(
            7,
            size=SMALL_SCHOOL,
            plan=plan,
            behaviour=Behaviour(throttled_status=status),
            clock=lambda: float(next(ticks)),
        ) as server:
            assert sync(server, engine) == []
            assert_copied(server, engine, {101, 102})
            assert server.requests["GET", SUBMISSIONS, status] > 0

    def test_ends(self, engine: Engine) -> None:
        plan = FaultPlan({TEACHER: (Fault(simulated.ServerError(503)),)})
        with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
            with pytest.raises(CanvasException, match="503"):
                sync(server, engine)
            assert server.requests == {("GET", "/api/v1/users/:id", 503): 6}


def test_every_table_has_rows_after_a_sync(canvas_server: CanvasServer, engine: Engine) -> None:
    sync(canvas_server, engine)
    for mapper in Base.registry.mappers:
        assert column(engine, mapper.class_.id), mapper.class_.__name__
