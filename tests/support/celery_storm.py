"""A Celery app with one task: a sync of many quick calls, done again when its child is killed."""

from __future__ import annotations

import os

import requests
from celery import Celery

from canvas_sync_instrumentation import canvas_sync_task, instrument_celery, instrument_requests

app = Celery("celery_storm", broker=os.environ["BROKER"], backend="disabled")
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
)
instrument_celery(app)
instrument_requests()


@app.task
@canvas_sync_task()
def sync(user_id: int, calls: int) -> None:
    """Ask Canvas the same thing many times."""
    url = f"{os.environ['CANVAS']}/api/v1/users/self"
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {os.environ['CANVAS_TOKEN']}"
        session.trust_env = False  # looking for a proxy would cost more than the call
        for _ in range(calls):
            session.get(url, timeout=60).raise_for_status()
