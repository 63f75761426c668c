"""What tests of the exporter's jobs look at and do."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_core.store.spool.lines import encode
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.logs.due import DueTimeFile, last_due
from canvas_sync_exporter.settings import Configuration

from .log_lines import records_in
from .runs import snapshot

__all__ = ["database_away", "leave_a_row", "metric_value", "miss_a_night", "operations"]

_KILLED_AFTER_SPOOLING = """\
import os, pathlib, signal, sys
from canvas_sync_core.store.spool.own_file import Spool
Spool(pathlib.Path(sys.argv[1])).append(sys.stdin.buffer.read())
os.kill(os.getpid(), signal.SIGKILL)
"""


def metric_value(config: Configuration, name: str, **labels: str) -> float | None:
    """Return what the exporter shows for a metric."""
    registry = CollectorRegistry()
    register_collectors(registry, config)
    return registry.get_sample_value(name, labels)


def operations(config: Configuration) -> list[dict[str, Any]]:
    """Read the records of ``operations.log``."""
    return records_in(config.app.log_dir / "operations.log")


def leave_a_row(folder: Path, task_id: str, start: float | None = None) -> None:
    """Let a process write a row into its spool and be killed."""
    row = encode(snapshot(task_id, start_time=start or time.time()))
    command = [sys.executable, "-c", _KILLED_AFTER_SPOOLING, str(folder)]
    killed = subprocess.run(command, input=row, check=False)
    assert killed.returncode == -signal.SIGKILL


def miss_a_night(config: Configuration) -> None:
    """Leave something to archive, and the newest cleanup two nights ago."""
    config.app.log_dir.mkdir(exist_ok=True)
    (config.app.log_dir / "errors.log.1").write_text("before\n")
    due = last_due(dt.datetime.now(dt.UTC), config.exporter.cleanup_time, config.app.timezone)
    DueTimeFile(config.app.control_folder).write(due - dt.timedelta(days=1))


@contextmanager
def database_away(config: Configuration, engine: Engine) -> Iterator[None]:
    """Put a file in place of the database's folder; "File exists" is what that raises."""
    folder, moved = config.app.state_folder, config.app.state_folder.with_name("moved")
    engine.dispose()
    folder.rename(moved)
    folder.write_text("in the way")
    try:
        yield
    finally:
        engine.dispose()
        folder.unlink()
        moved.rename(folder)
