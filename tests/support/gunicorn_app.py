"""A Flask app for gunicorn: each of its requests is a sync, and so is its own start."""

from __future__ import annotations

import os

import requests
from flask import Flask
from sqlalchemy import create_engine, text

from canvas_sync_instrumentation import CanvasSyncMetricsTracker, init_app


def create_app() -> Flask:
    """Make the app: in each worker, or with ``--preload`` once, before they are forked."""
    app = Flask(__name__)
    init_app(app)
    sync(f"start-{os.getpid()}", 1)

    @app.post("/sync/<task_id>/<int:calls>")
    def start(task_id: str, calls: int) -> dict[str, int]:
        sync(task_id, calls)
        return {"pid": os.getpid()}

    return app


def sync(task_id: str, calls: int) -> None:
    """Ask Canvas some times and write once."""
    engine = create_engine("sqlite://")
    with CanvasSyncMetricsTracker(task_id, 42):
        for _ in range(calls):
            url = f"{os.environ['CANVAS']}/api/v1/courses/7"
            requests.get(url, timeout=60).raise_for_status()
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE courses (id INTEGER)"))
    engine.dispose()
