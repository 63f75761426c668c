"""How little ``canvas-sync-monitor run`` loads: cron starts it thousands of times a day."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from canvas_sync_core.settings import Settings, read
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import recent_runs
from support.tables import create_tables
from support.wrapper import PROGRAM, TIMEOUT

_SLOW: Final = {
    "sqlalchemy",
    "alembic",
    "asyncio",
    "hashlib",
    "http.client",
    "random",
    "tomllib",
    "zoneinfo",
    "canvas_sync_exporter.commands.serve",
    "canvas_sync_instrumentation.call_recorder",
}


def test_a_job_that_succeeds_loads_nothing_slow_and_its_row_is_in_the_table() -> None:
    settings = read(Settings, os.environ)
    engine = open_engine(settings.resolved_database_url)
    create_tables(engine)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *PROGRAM[1:], "--", "true"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    (run,) = recent_runs(engine, 10).items
    engine.dispose()
    assert run.sync_status == "success"
    assert "canvas_sync_instrumentation.monitor" in loaded
    assert not loaded & _SLOW
