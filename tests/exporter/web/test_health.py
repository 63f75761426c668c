"""What health says about each thing the exporter needs."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import JobsView, WebContext
from canvas_sync_exporter.web.health import HealthChecks


@dataclasses.dataclass
class _Jobs:
    running: bool = True
    failures: dict[str, str] = dataclasses.field(default_factory=dict)


def _context(config: Configuration, engine: Engine, jobs: JobsView | None = None) -> WebContext:
    return WebContext(config, engine, Access(None), jobs)


def _leave_metrics(config: Configuration) -> None:
    """Leave what a sync process leaves: the files are made when the first series needs them."""
    files = MetricFiles(config.app.metrics_folder)
    with files.lock:
        files.start_at_zero()
    files.close()


def test_all_is_well_where_a_sync_has_run(config: Configuration, engine: Engine) -> None:
    _leave_metrics(config)
    health = HealthChecks(_context(config, engine, _Jobs())).run()
    assert health.status == "ok"
    assert {check.status for check in health.checks.values()} == {"ok"}
    assert set(health.checks) == {
        *("database", "log_folder", "metric_files", "spool", "rollups", "jobs", "judge")
    }


def test_missing_folders_degrade_it(config: Configuration, engine: Engine, tmp_path: Path) -> None:
    elsewhere = configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "nothing")})
    health = HealthChecks(_context(elsewhere, engine)).run()
    assert health.status == "degraded"
    assert health.checks["log_folder"].status == "degraded"
    assert health.checks["metric_files"].status == "degraded"
    assert str(tmp_path / "nothing") in health.checks["log_folder"].reason


def test_a_large_backlog_of_rows_degrades_it(config: Configuration, engine: Engine) -> None:
    _leave_metrics(config)
    config.app.spool_folder.mkdir()
    (config.app.spool_folder / "1-a.jsonl").write_bytes(b"x" * 9_000_000)
    check = HealthChecks(_context(config, engine)).run().checks["spool"]
    assert (check.status, check.reason) == ("degraded", "9.0 MB of rows wait for the database.")


def test_a_failing_job_degrades_it_and_a_dead_scheduler_is_unhealthy(
    config: Configuration, engine: Engine
) -> None:
    _leave_metrics(config)
    jobs = _Jobs(failures={"log cleanup": "disk full"})
    failing = HealthChecks(_context(config, engine, jobs)).run()
    assert failing.status == "degraded"
    assert failing.checks["jobs"].reason == "log cleanup: disk full"
    assert HealthChecks(_context(config, engine, _Jobs(running=False))).run().status == "unhealthy"


@pytest.mark.parametrize("in_the_way", ["folder", "garbage"])
def test_a_database_that_cannot_be_read_is_unhealthy(
    config: Configuration, tmp_path: Path, in_the_way: str
) -> None:
    file = tmp_path / "database"
    if in_the_way == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"this is no database" * 500)
    broken = open_engine(f"sqlite:///{file}")
    health = HealthChecks(_context(config, broken)).run()
    broken.dispose()
    assert health.status == "unhealthy"
    assert health.checks["database"].status == "unhealthy"


def test_a_locked_file_is_reported_within_seconds_by_one_thread(
    config: Configuration, tmp_path: Path
) -> None:
    file = tmp_path / "locked.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        engine = open_engine(f"sqlite:///{file}")
        checks = HealthChecks(_context(config, engine))
        began = time.monotonic()
        with ThreadPoolExecutor(4) as clients:
            answers = list(clients.map(lambda _: checks.run(), range(4)))
        assert time.monotonic() - began < 3
        probes = [thread for thread in threading.enumerate() if thread.name == "probe"]
    for probe in probes:
        probe.join()
    engine.dispose()
    assert {answer.status for answer in answers} == {"unhealthy"}
    assert len(probes) <= 1
