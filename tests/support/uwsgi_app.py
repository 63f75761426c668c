"""A WSGI app for uWSGI: each of its requests is a sync, and so is its own start, in the master."""

from __future__ import annotations

import atexit
import gc
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import requests

from canvas_sync_instrumentation import CanvasSyncMetricsTracker, instrument_requests

CALLS = 3

atexit.register(gc.freeze)  # or each process would visit all that was loaded when it ends


def sync(task_id: str) -> None:
    """Ask Canvas some times."""
    with CanvasSyncMetricsTracker(task_id, 42):
        for _ in range(CALLS):
            url = f"{os.environ['CANVAS']}/api/v1/courses/7"
            requests.get(url, timeout=60).raise_for_status()


def create_app() -> Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]:
    """Make the app; it is made before the workers are forked, or in each with ``--lazy-apps``."""
    instrument_requests()
    sync(f"start-{os.getpid()}")
    return application


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Sync under the task id that the path names; the answer is the worker's process id.

    With the query ``wait`` the request does not end after its answer.
    """
    sync(environ["PATH_INFO"].strip("/"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield str(os.getpid()).encode()
    if environ["QUERY_STRING"] == "wait":
        time.sleep(600)
