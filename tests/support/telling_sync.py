"""``python -m support.telling_sync``: a sync that also calls the tracker itself.

The demo's sync app needs only three lines. What such an app cannot show is shown here,
in a process of its own and by the public API alone: steps, progress, recorded items and errors, a
list that is not read to its end, calls outside a run, and errors that quote what must stay secret.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from canvasapi import Canvas
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.exc import IntegrityError

from canvas_sync_demo.sync_app.canvas import connect
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    instrument_canvasapi,
    instrument_sqlalchemy,
)

_TABLES = MetaData()
_COURSES = Table(
    "courses", _TABLES, Column("id", Integer, primary_key=True), Column("name", String, unique=True)
)


def main() -> None:
    """Sync the courses of one user."""
    parser = argparse.ArgumentParser()
    for name in ("--task-id", "--canvas-url", "--database-url"):
        parser.add_argument(name, required=True)
    parser.add_argument("--user", type=int, required=True)
    options = parser.parse_args()
    token = os.environ["CANVAS_TOKEN"]
    canvas = connect(options.canvas_url, token, 30.0)
    engine = create_engine(options.database_url)
    instrument_canvasapi()
    instrument_sqlalchemy(engine)
    person = canvas.get_current_user()  # outside a run, as is the next line
    _TABLES.create_all(engine)
    with CanvasSyncMetricsTracker(
        options.task_id, options.user, sync_type="telling", metadata={"term": "autumn"}
    ) as run:
        run.progress(10, "Processing courses")
        with run.step("courses"):
            courses = _copy_courses(canvas, engine, run)
        run.progress(50, "Processing submissions")
        with run.step("submissions"):
            _look_at_first_submission(courses[0], run)
        _fail(engine, courses[0], run, f"No mail to {person.email}, Bearer {token}")
        run.progress(90, "Done")
    engine.dispose()


def _copy_courses(canvas: Canvas, engine: Engine, run: CanvasSyncMetricsTracker) -> list[Any]:
    courses = list(canvas.get_courses())
    with engine.begin() as connection:
        known = set(connection.scalars(select(_COURSES.c.id)))
        new = [{"id": course.id, "name": course.name} for course in courses]
        new = [row for row in new if row["id"] not in known]
        if new:
            connection.execute(_COURSES.insert(), new)
    run.record_course(len(new), created=True)
    run.record_course(len(courses) - len(new), updated=True)
    return courses


def _look_at_first_submission(course: Any, run: CanvasSyncMetricsTracker) -> None:
    """Read one item of a list of several pages, and read no more of it."""
    first = course.get_multiple_submissions(student_ids=["all"])[0]
    run.record_submission(unchanged=first.id > 0)
    run.record_grade(failed=True)


def _fail(engine: Engine, course: Any, run: CanvasSyncMetricsTracker, message: str) -> None:
    """Meet errors whose messages quote a name, an e-mail address and a token."""
    try:
        with engine.begin() as connection:
            connection.execute(_COURSES.insert(), {"id": 0, "name": course.name})
    except IntegrityError as error:
        run.record_error(error, operation="import")
    try:
        with run.step("mail"):
            raise RuntimeError(message)
    except RuntimeError as error:
        run.record_error(error, operation="mail")


if __name__ == "__main__":
    main()
