"""Hooks of gunicorn, a configuration file of it.

Libraries of the app are imported here, once in the master; the app and telemetry in its workers.
"""

from __future__ import annotations

from typing import Any

import flask  # noqa: F401
import requests  # noqa: F401
import sqlalchemy.dialects.sqlite  # noqa: F401


def post_worker_init(worker: Any) -> None:
    """Say that a worker handles signals now; one that comes earlier is lost."""
    worker.log.info("Worker ready")
