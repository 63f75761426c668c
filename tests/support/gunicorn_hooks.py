"""Hooks of gunicorn, a configuration file of it.

Libraries of the app are imported here, once in the master, with all those that have a hook; the app
and our part of telemetry in its workers.
"""

from __future__ import annotations

import atexit
import gc
from typing import Any

import aiohttp  # noqa: F401
import canvasapi  # noqa: F401
import celery.signals  # noqa: F401
import flask  # noqa: F401
import httpx  # noqa: F401
import opentelemetry.exporter.otlp.proto.http.trace_exporter
import opentelemetry.sdk.trace.export  # noqa: F401
import requests  # noqa: F401
import sqlalchemy.dialects.sqlite  # noqa: F401

# Or each worker would visit all of it once more when it ends: four times the work of its syncs.
atexit.register(gc.freeze)


def post_worker_init(worker: Any) -> None:
    """Say that a worker handles signals now; one that comes earlier is lost."""
    worker.log.info("Worker ready")
