"""What is found in the code of small projects."""

from __future__ import annotations

from pathlib import Path

import canvas_sync_instrumentation
from canvas_sync_exporter.onboarding.detection import CLIENTS, LIBRARIES, Project, Role, detect
from canvas_sync_exporter.onboarding.source_files import read_sources

FACTORY = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


def create_app():
    app = Flask(
        __name__,
    )
    db.init_app(app)
    return app
"""

CELERY = """
import celery as c
from celery import shared_task

worker: c.Celery = c.Celery("syncs")


@worker.task(bind=True)
def sync_course(self, course_id):
    import httpx

    with httpx.Client() as client:
        client.get("/api/v1/courses")


@shared_task
def sync_grades():
    pass
"""

SCHEDULER = """
from apscheduler.schedulers.background import BackgroundScheduler

scheduler = BackgroundScheduler()


def nightly():
    pass


@scheduler.scheduled_job("interval", hours=1)
def hourly():
    pass


scheduler.add_job(nightly, "cron", hour=2)
scheduler.add_job(print)
"""


def test_each_library_with_a_hook_is_looked_for() -> None:
    hooks = [name for name in canvas_sync_instrumentation.__all__ if name.startswith("instrument_")]

    assert {name.removeprefix("instrument_") for name in hooks} == {
        *CLIENTS,
        "apscheduler",
        "celery",
        "sqlalchemy",
    }
    assert {*CLIENTS, "apscheduler", "celery", "sqlalchemy", "flask"} <= set(LIBRARIES)


def project(folder: Path, **files: str) -> Project:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return detect(read_sources(folder))


def found(project: Project, role: Role) -> list[tuple[str, int, int, str, str]]:
    return [
        (str(mark.path), mark.line, mark.end_line, mark.name, mark.function)
        for mark in project.of(role)
    ]


def test_a_factory_with_its_app(tmp_path: Path) -> None:
    seen = project(tmp_path, web=FACTORY)

    assert list(seen.imports()) == ["flask", "flask_sqlalchemy"]
    assert found(seen, Role.FLASK_APP) == [("web.py", 9, 11, "app", "create_app")]


def test_celery_with_its_tasks_and_their_client(tmp_path: Path) -> None:
    seen = project(tmp_path, tasks=CELERY)

    assert list(seen.imports()) == ["celery", "httpx"]
    assert found(seen, Role.CELERY_APP) == [("tasks.py", 5, 5, "worker", "")]
    assert [mark.name for mark in seen.of(Role.CELERY_TASK)] == ["sync_course", "sync_grades"]
    assert found(seen, Role.CANVAS_CALL) == [("tasks.py", 12, 12, "", "sync_course")]


def test_a_scheduler_with_its_jobs(tmp_path: Path) -> None:
    seen = project(tmp_path, jobs=SCHEDULER)

    assert found(seen, Role.SCHEDULER) == [("jobs.py", 4, 4, "scheduler", "")]
    assert [(mark.name, mark.line) for mark in seen.of(Role.JOB)] == [
        ("nightly", 7),
        ("hourly", 12),
    ]


def test_a_script_with_an_engine_and_canvas(tmp_path: Path) -> None:
    text = """
import sqlalchemy as sa
from canvasapi import Canvas
from canvasapi.exceptions import Forbidden

engine = sa.create_engine("sqlite://")
canvas = Canvas("https://canvas.example.edu", "7~secret")
raise Forbidden("x")
"""
    seen = project(tmp_path, sync=text)

    assert found(seen, Role.ENGINE) == [("sync.py", 6, 6, "engine", "")]
    assert found(seen, Role.CANVAS_CALL) == [("sync.py", 7, 7, "canvas", "")]


def test_names_that_merely_look_like_a_library_are_not_found(tmp_path: Path) -> None:
    text = """
from aiohttp import web
from .flask import Flask
from other import Celery, app

web.Application()
Flask(__name__)
Celery()
create_engine()

@app.task
def build(): ...

queue.add_job(build)
"""
    seen = project(tmp_path, other=text)

    assert seen.marks == ()


def test_what_is_instrumented_already_is_known(tmp_path: Path) -> None:
    text = """
import canvas_sync_instrumentation as ours
from canvas_sync_instrumentation import init_app, canvas_sync_task, track_sync
from celery import Celery

celery = Celery()
init_app(app)

@celery.task
@canvas_sync_task(sync_type="nightly")
def sync(): ...

@track_sync
def other(): ...

with ours.CanvasSyncMetricsTracker("x", 1, sync_type="hourly", metadata={}):
    pass
ours.CanvasSyncMetricsTracker("x", 1, sync_type=name)
"""
    seen = project(tmp_path, app=text)

    assert set(seen.ours()) == {
        "init_app",
        "canvas_sync_task",
        "track_sync",
        "CanvasSyncMetricsTracker",
    }
    assert seen.sync_types == ("nightly", "hourly")
    assert seen.of(Role.CELERY_TASK) == []


def test_code_that_nests_deeply_is_read(tmp_path: Path) -> None:
    text = "import flask\nx = 1" + " + 1" * 900 + "\napp = flask.Flask(__name__)\n"

    assert found(project(tmp_path, web=text), Role.FLASK_APP) == [("web.py", 3, 3, "app", "")]
