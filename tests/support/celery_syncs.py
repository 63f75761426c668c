"""A Celery app whose tasks are syncs; workers are started with it.

With ``INSTRUMENT_EVERY_APP`` set the hook does not know the app.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import requests
from celery import Celery

from canvas_sync_instrumentation import (
    canvas_sync_task,
    current_tracker,
    instrument_celery,
    instrument_requests,
)

app = Celery("celery_syncs", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
)
instrument_celery(None if os.environ.get("INSTRUMENT_EVERY_APP") else app)
instrument_requests()


def call_canvas(path: str) -> None:
    requests.get(f"{os.environ['CANVAS']}/api/v1/{path}", timeout=60).raise_for_status()


@app.task(ignore_result=True)
@canvas_sync_task(sync_type="nightly")
def fetch(user_id: int, course_id: int | None = None) -> None:
    call_canvas("courses/7")
    tracker = current_tracker()
    assert tracker is not None
    tracker.record_course(updated=True)


@app.task
@canvas_sync_task(user_id_from="who")
def fail(who: int) -> None:
    raise ValueError("no such course")


@app.task
def no_sync(course_id: int) -> None:
    call_canvas(f"courses/{course_id}")


@app.task(bind=True, autoretry_for=(ConnectionError,), max_retries=3, default_retry_delay=0)
@canvas_sync_task()
def flaky(self: Any, user_id: int) -> None:
    """Fail in the first attempt."""
    if not self.request.retries:
        raise ConnectionError("Canvas is away")


@app.task(bind=True, max_retries=None)
@canvas_sync_task()
def postpone(self: Any, user_id: int, seconds: float) -> None:
    raise self.retry(countdown=seconds, exc=ConnectionError("Canvas is away"))


@app.task(bind=True, acks_late=True)
@canvas_sync_task()
def killed(self: Any, user_id: int) -> None:
    """Lose its process in the first attempt."""
    call_canvas("courses/7")
    if not self.request.delivery_info["redelivered"]:
        os.kill(os.getpid(), signal.SIGKILL)


@app.task
@canvas_sync_task()
def lost(user_id: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
@canvas_sync_task()
def hang(user_id: int) -> None:
    """Tell Canvas that it hangs, and then hang until a signal comes."""
    call_canvas("courses/7")
    while True:
        signal.pause()


@app.task
@canvas_sync_task()
def send_another(user_id: int, course_id: int) -> None:
    """Send a task without a user."""
    inherit.delay()


@app.task
@canvas_sync_task()
def inherit() -> None:
    call_canvas("courses/7")
