"""Hooks of gunicorn, a configuration file of it."""

from __future__ import annotations

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Say that a worker handles signals now; one that comes earlier is lost."""
    worker.log.info("Worker ready")
