"""Whether an exporter judges the syncs, and so reports their failures itself."""

from __future__ import annotations

import queue
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.settings import Settings
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.judges import judges
from canvas_sync_core.threads import start_daemon

__all__ = ["is_exporter_alive"]

_SECONDS: Final = 5.0


def is_exporter_alive(app: Settings) -> bool:
    """Return whether an exporter has judged lately; false if the database does not say so.

    Args:
        app: Settings with the database.
    """
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    if start_daemon(lambda: answers.put(_has_live_judge(app)), "exporter liveness") is None:
        return False
    try:
        return answers.get(timeout=_SECONDS)
    except queue.Empty:
        return False


def _has_live_judge(app: Settings) -> bool:
    if app.database_url is None and not _embedded_file(app).exists():
        return False  # opening it would create it
    try:
        engine = open_engine(app.resolved_database_url)
    except CanvasSyncMonitorError:
        return False
    try:
        return any(judge.is_live(datetime.now(UTC)) for judge in judges(engine))
    except (CanvasSyncMonitorError, SQLAlchemyError, OSError):
        return False
    finally:
        engine.dispose()


def _embedded_file(app: Settings) -> Path:
    return Path(app.resolved_database_url.removeprefix("sqlite:///"))
