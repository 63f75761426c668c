"""Waits for the first run, for ``canvas-sync-monitor init --wait``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.runs import RunRow
from canvas_sync_exporter.onboarding.first_run import RunWatch, describe_run
from canvas_sync_exporter.settings import Configuration

from .storage_failures import storage_failures

__all__ = ["wait_for_run"]

_POLL_SECONDS: Final = 0.5


def wait_for_run(config: Configuration, say: Callable[..., None]) -> None:
    """Wait for a run that is new in the table, and until it has ended.

    Args:
        config: Says which database.
        say: Prints lines.

    Raises:
        StorageError: The database cannot be read.
    """
    watch = RunWatch(config)
    try:
        with storage_failures():
            watch.start()
        say("", f"Waiting for the next run in {watch.database}. Ctrl-C ends this.")
        is_started = False
        while True:
            run = _arrived(watch)
            if run is not None and run.sync_status != RunStatus.RUNNING:
                say(*describe_run(run))
                return
            if run is not None and not is_started:
                is_started = True
                say(f"{run.sync_task_id} has started on {run.host}, as `{run.sync_type}`.")
            time.sleep(_POLL_SECONDS)
    finally:
        watch.close()


def _arrived(watch: RunWatch) -> RunRow | None:
    """Look for the run; while the database is unreachable or not ready, none has arrived."""
    try:
        return watch.arrived()
    except SQLAlchemyError:
        return None
