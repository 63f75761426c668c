"""The exporter's recurring work."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, update

from canvas_sync_core.names import AUTH_FAILURE_REASONS, DROP_REASONS, SUSPECT_REASONS
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.spool import Spool, encode
from canvas_sync_exporter import upkeep as upkeep_module
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.jobs import Jobs
from canvas_sync_exporter.logs.archive import archives
from canvas_sync_exporter.logs.due import DueRecord, last_due
from canvas_sync_exporter.logs.search import LineFilter, LogSearch
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.upkeep import Upkeep
from support.log_lines import records_in
from support.runs import running, snapshot, write

DEADLINE = 600.0


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
            "CANVAS_SYNC_HEARTBEAT_SECONDS": "0.1",
            "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": "0.4",
        }
    )


@pytest.fixture
def engine(config: Configuration) -> Iterator[Engine]:
    engine = open_engine(config.app.resolved_database_url)
    upgrade(engine)
    yield engine
    engine.dispose()


def _metric(config: Configuration, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    register_collectors(registry, config)
    return registry.get_sample_value(name, labels)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        threading.Event().wait(0.02)


@contextmanager
def _started(*everyone: Jobs) -> Iterator[None]:
    """Run jobs; at the end wait for those that are under way, which still use the database."""
    before = set(threading.enumerate())
    for jobs in everyone:
        jobs.start()
    try:
        yield
    finally:
        for jobs in everyone:
            jobs.stop()
        _wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_run_without_a_heartbeat_is_closed_and_counted_once(
    config: Configuration, engine: Engine
) -> None:
    now = time.time()
    write(engine, running("dead", start_time=now - 90, heartbeat=now - 60, sync_type="grades"))
    write(engine, running("alive", start_time=now - 90, heartbeat=now + 60))
    upkeep = Upkeep(config, engine)
    assert [run.sync_task_id for run in upkeep.close_interrupted()] == ["dead"]
    assert upkeep.close_interrupted() == []
    run = run_by_task(engine, "dead")
    assert run is not None
    assert run.sync_status == "interrupted"
    assert run.duration == pytest.approx(30, abs=0.001)
    labels = {"sync_type": "grades", "status": "interrupted"}
    assert _metric(config, "canvas_sync_runs_total", **labels) == 1
    last = _metric(config, "canvas_sync_last_run_timestamp_seconds", sync_type="grades")
    assert last == pytest.approx(now - 60, abs=0.001)
    assert _metric(config, "canvas_sync_run_duration_seconds_sum", **labels) == pytest.approx(
        30, abs=0.001
    )


def test_a_run_that_is_closed_ends_in_the_log_too(config: Configuration, engine: Engine) -> None:
    now = time.time()
    write(engine, running("dead", start_time=now - 90, heartbeat=now - 60, step="grades"))
    Upkeep(config, engine).close_interrupted()
    (record,) = _operations(config)
    assert (record["event"], record["status"]) == ("run_ended", "interrupted")
    assert (record["level"], record["error_type"]) == ("ERROR", "Interrupted")
    assert (record["task_id"], record["user_id"], record["step"]) == ("dead", 42, "grades")
    assert (record["host"], record["pid"], record["span_id"]) == ("sync-1", 4711, None)
    assert record["duration_seconds"] == pytest.approx(30, abs=0.001)
    assert record["items"]["course"] == {
        "processed": 3,
        "created": 1,
        "updated": 1,
        "unchanged": 0,
        "failed": 0,
    }
    labels = {"log": "operations", "level": "ERROR"}
    assert _metric(config, "canvas_sync_log_records_total", **labels) == 1


def test_a_run_far_off_its_history_is_flagged_and_counted_once(
    config: Configuration, engine: Engine
) -> None:
    now = time.time()
    for night in range(8):
        write(engine, snapshot(f"night-{night}", start_time=now - 86400 * (night + 1), duration=90))
    write(engine, snapshot("odd", start_time=now - 60, duration=1.5))
    upkeep, another = Upkeep(config, engine), Upkeep(config, engine)
    upkeep.start_counters()
    assert [suspect.run.sync_task_id for suspect in upkeep.flag_suspects()] == ["odd"]
    assert another.flag_suspects() == []
    counted = {
        reason: _metric(config, "canvas_sync_runs_suspect_total", sync_type="full", reason=reason)
        for reason in SUSPECT_REASONS
    }
    assert counted == {"few_items": 0, "many_items": 0, "fast": 1, "slow": 0}
    (record,) = _operations(config)
    assert (record["event"], record["level"]) == ("run_suspect", "WARNING")
    assert (record["task_id"], record["suspect_reasons"]) == ("odd", ["fast"])
    assert record["suspect_reason"] == "fast: 1.5 s where 90.0 s are usual"
    assert record["message"].endswith("Sync Task: odd, 42, suspect, fast")


def test_a_cleanup_leaves_a_line_in_the_log(config: Configuration, engine: Engine) -> None:
    config.app.log_dir.mkdir(exist_ok=True)
    (config.app.log_dir / "errors.log.1").write_text("before\n" * 1000)
    report = Upkeep(config, engine).clean_logs()
    (record,) = _operations(config)
    assert (record["event"], record["status"], record["files"]) == ("logs_cleaned", "success", 1)
    assert record["reclaimed_bytes"] == report.reclaimed_bytes > 0


def _operations(config: Configuration) -> list[dict[str, Any]]:
    return records_in(config.app.log_dir / "operations.log")


def test_the_end_that_a_dead_process_left_in_its_spool_counts(
    config: Configuration, engine: Engine
) -> None:
    start = time.time() - 90
    write(engine, running("ended", start_time=start))
    _leave_a_row(config.app.spool_folder, "ended", start)
    assert Upkeep(config, engine).close_interrupted() == []
    run = run_by_task(engine, "ended")
    assert run is not None
    assert run.sync_status == "success"


def test_after_an_outage_the_living_get_time_to_renew_their_heartbeats(
    config: Configuration, engine: Engine
) -> None:
    write(engine, running("waits", start_time=time.time() - 90))
    patient = dataclasses.replace(
        config, exporter=dataclasses.replace(config.exporter, interrupted_after_seconds=60.0)
    )
    upkeep, fresh = Upkeep(patient, engine), Upkeep(patient, engine)
    folder, moved = config.app.state_folder, config.app.state_folder.with_name("moved")
    engine.dispose()
    folder.rename(moved)
    folder.write_text("in the way")
    for _ in range(2):
        with pytest.raises(OSError, match="File exists"):
            upkeep.close_interrupted()
    folder.unlink()
    moved.rename(folder)
    assert upkeep.close_interrupted() == []
    assert [run.sync_task_id for run in fresh.close_interrupted()] == ["waits"]


def test_counters_of_refusals_and_losses_exist_before_the_first_sync(
    config: Configuration, engine: Engine
) -> None:
    Upkeep(config, engine).start_counters()
    for reason_ in AUTH_FAILURE_REASONS:
        assert _metric(config, "canvas_sync_api_auth_failures_total", reason=reason_) == 0
    for sink, reasons in DROP_REASONS.items():
        for reason_ in reasons:
            labels = {"sink": sink, "reason": reason_}
            assert _metric(config, "canvas_sync_telemetry_dropped_total", **labels) == 0


def test_counters_of_the_cleanup_exist_before_the_first(
    config: Configuration, engine: Engine
) -> None:
    upkeep = Upkeep(config, engine)
    upkeep.start_counters()
    for status in ("success", "failed"):
        assert _metric(config, "canvas_sync_cleanup_runs_total", status=status) == 0
    upkeep.clean_logs()
    upkeep.start_counters()
    assert _metric(config, "canvas_sync_cleanup_runs_total", status="success") == 1
    assert _metric(config, "canvas_sync_cleanup_reclaimed_bytes_total") == 0


def test_a_cleanup_that_could_not_archive_is_counted_as_failed(
    config: Configuration, engine: Engine
) -> None:
    config.app.log_dir.mkdir(exist_ok=True)
    (config.app.log_dir / "errors.log").write_text("now\n")
    (config.app.log_dir / "errors.log.1").write_text("before\n")
    config.archive_folder.write_text("in the way")
    report = Upkeep(config, engine).clean_logs()
    assert report.errors
    (record,) = _operations(config)
    assert (record["status"], record["error_type"]) == ("failed", "CleanupFailed")
    assert record["error"].startswith("errors: ")
    assert _metric(config, "canvas_sync_cleanup_runs_total", status="failed") == 1
    assert _metric(config, "canvas_sync_cleanup_last_success_timestamp_seconds") is None


def _leave_a_row(folder: Path, task_id: str, start: float | None = None) -> None:
    """A process writes a row into its spool and is killed."""
    program = (
        "import os, pathlib, signal, sys\n"
        "from canvas_sync_core.store.spool import Spool\n"
        "Spool(pathlib.Path(sys.argv[1])).append(sys.stdin.buffer.read())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    left = snapshot(task_id, start_time=start or time.time())
    killed = subprocess.run(
        [sys.executable, "-c", program, str(folder)], input=encode(left), check=False
    )
    assert killed.returncode == -signal.SIGKILL


def test_jobs_deliver_the_rows_of_the_dead_and_close_their_runs(
    config: Configuration, engine: Engine
) -> None:
    _leave_a_row(config.app.spool_folder, "from the spool")
    living = Spool(config.app.spool_folder)
    living.append(encode(snapshot("still the owner's")))
    write(engine, running("dead", heartbeat=time.time() - 60))
    jobs = Jobs(Upkeep(config, engine), lambda: None, config)
    with _started(jobs):
        runs_when_started = jobs.running
        _wait_until(lambda: run_by_task(engine, "from the spool") is not None)
        _wait_until(lambda: getattr(run_by_task(engine, "dead"), "sync_status", "") != "running")
    assert (runs_when_started, jobs.running) == (True, False)
    assert run_by_task(engine, "still the owner's") is None
    living.close()


def test_a_failing_job_is_told_once_and_forgotten_when_it_works_again(
    config: Configuration, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    folder, moved = config.app.state_folder, config.app.state_folder.with_name("moved")
    engine.dispose()
    folder.rename(moved)
    folder.write_text("in the way")
    jobs = Jobs(Upkeep(config, engine), lambda: None, config)
    with _started(jobs):
        name = "search for interrupted runs"
        _wait_until(lambda: name in jobs.failures)
        assert "File exists" in jobs.failures[name]
        engine.dispose()
        folder.unlink()
        moved.rename(folder)
        _wait_until(lambda: name not in jobs.failures)
    assert caplog.text.count(f"The {name} failed") == 1


def test_the_cleanup_runs_at_its_time_in_its_zone(tmp_path: Path) -> None:
    config = configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
            "CANVAS_SYNC_CLEANUP_TIME": "03:30",
            "CANVAS_SYNC_TIMEZONE": "America/New_York",
        }
    )
    engine = open_engine(config.app.resolved_database_url)
    upgrade(engine)
    jobs = Jobs(Upkeep(config, engine), lambda: None, config)
    before = jobs.next_cleanup()
    with _started(jobs):
        when = jobs.next_cleanup()
    engine.dispose()
    assert before is None
    assert when is not None
    assert when.utcoffset() == dt.timedelta(0)
    local = when.astimezone(ZoneInfo("America/New_York"))
    assert (local.hour, local.minute, local.second) == (3, 30, 0)
    assert dt.timedelta(0) < when - dt.datetime.now(dt.UTC) <= dt.timedelta(hours=25)


def _missed_a_night(config: Configuration) -> None:
    """There is something to archive, and the newest cleanup was two nights ago."""
    config.app.log_dir.mkdir(exist_ok=True)
    (config.app.log_dir / "errors.log.1").write_text("before\n")
    due = last_due(dt.datetime.now(dt.UTC), config.exporter.cleanup_time, config.app.timezone)
    DueRecord(config.app.control_folder).write(due - dt.timedelta(days=1))


def test_a_missed_cleanup_is_made_up_once_by_all_exporters_of_the_folder(
    config: Configuration, engine: Engine
) -> None:
    _missed_a_night(config)
    everyone = [Jobs(Upkeep(config, engine), lambda: None, config) for _ in range(3)]
    counted = "canvas_sync_cleanup_runs_total"
    with _started(*everyone):
        _wait_until(lambda: not (config.app.log_dir / "errors.log.1").exists())
        _wait_until(lambda: _metric(config, counted, status="success") == 1)
    assert len(archives(config.archive_folder)) == 1
    assert all("log cleanup" not in jobs.failures for jobs in everyone)
    assert Upkeep(config, engine).clean_logs_when_due() is None
    assert _metric(config, counted, status="success") == 1


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_the_line_of_a_cleanup_is_found_in_either_format(
    config: Configuration, engine: Engine, log_format: str
) -> None:
    chosen = dataclasses.replace(config, app=dataclasses.replace(config.app, log_format=log_format))
    _missed_a_night(chosen)
    report = Upkeep(chosen, engine).clean_logs_when_due()
    assert report is not None
    folders = chosen.app.log_dir, chosen.archive_folder
    with closing(LogSearch(*folders, LineFilter(text="Log Cleanup"), limit=9)) as search:
        (line,) = search
    assert (line.fields["event"], line.fields["status"]) == ("logs_cleaned", "success")
    assert (line.fields["files"], line.fields["reclaimed_bytes"]) == (1, report.reclaimed_bytes)


def test_a_reason_is_one_line_without_the_statement(engine: Engine) -> None:
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql("SELECT no_such_thing\nFROM nowhere")
        except Exception as error:  # noqa: BLE001 - whatever the driver raises is what is told
            told = reason(error)
    assert told == "OperationalError: no such table: nowhere"
    assert reason(OSError()) == "OSError"
    assert os.linesep not in told


def test_runs_older_than_the_settings_want_are_deleted_and_without_a_setting_none(
    config: Configuration, engine: Engine
) -> None:
    write(engine, snapshot("old", start_time=time.time() - 8 * 86400), snapshot("new"))
    assert Upkeep(config, engine).delete_old_runs() == 0
    week = dataclasses.replace(config.exporter, run_days=7)
    assert Upkeep(dataclasses.replace(config, exporter=week), engine).delete_old_runs() == 1
    assert run_by_task(engine, "old") is None
    assert run_by_task(engine, "new") is not None


class _Clock(dt.datetime):
    """What the upkeep takes for the time."""

    moment: dt.datetime

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override] # the class is not told
        return cls.moment.astimezone(tz)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[_Clock]:
    """Stands at the time of a nightly cleanup."""
    _Clock.moment = dt.datetime(2025, 12, 22, 2, tzinfo=dt.UTC)
    module = SimpleNamespace(datetime=_Clock, UTC=dt.UTC, timedelta=dt.timedelta)
    monkeypatch.setattr(upkeep_module, "dt", module)
    return _Clock


def _keeping_a_week(config: Configuration, engine: Engine) -> Upkeep:
    week = dataclasses.replace(config.exporter, run_days=7, cleanup_time=dt.time(2))
    return Upkeep(dataclasses.replace(config, exporter=week), engine)


def _write_an_old_run(engine: Engine, clock: type[_Clock]) -> None:
    start = clock.moment - dt.timedelta(days=8)
    write(engine, snapshot(f"began {start}", start_time=start.timestamp()))


def test_old_runs_are_deleted_once_a_night(
    config: Configuration, engine: Engine, clock: type[_Clock]
) -> None:
    upkeep = _keeping_a_week(config, engine)
    deleted = []
    for hours in (0, 1, 22.99, 1 / 60, 12):
        clock.moment += dt.timedelta(hours=hours)
        _write_an_old_run(engine, clock)
        deleted.append(upkeep.delete_old_runs_when_due())
    assert deleted == [1, 0, 0, 3, 0]


def test_a_deletion_of_old_runs_that_was_missed_is_made_up(
    config: Configuration, engine: Engine, clock: type[_Clock]
) -> None:
    """Whether the exporter slept, the database was away, or another exporter has begun."""
    upkeep = _keeping_a_week(config, engine)
    _write_an_old_run(engine, clock)
    assert upkeep.delete_old_runs_when_due() == 1
    clock.moment += dt.timedelta(days=3, hours=9)
    _write_an_old_run(engine, clock)
    folder, moved = config.app.state_folder, config.app.state_folder.with_name("moved")
    engine.dispose()
    folder.rename(moved)
    folder.write_text("in the way")
    with pytest.raises(OSError, match="File exists"):
        upkeep.delete_old_runs_when_due()
    folder.unlink()
    moved.rename(folder)
    assert upkeep.delete_old_runs_when_due() == 1
    _write_an_old_run(engine, clock)
    assert upkeep.delete_old_runs_when_due() == 0
    assert _keeping_a_week(config, engine).delete_old_runs_when_due() == 1


def test_a_roll_up_that_takes_longer_is_told_now_and_then_and_at_its_end(
    config: Configuration,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, upkeep_module.__name__)
    monkeypatch.setattr(upkeep_module, "_ROLL_UP_SECONDS", 600.0)
    upkeep = Upkeep(config, engine)
    write(engine, snapshot("corrected", start_time=time.time() - 86400))
    assert not upkeep.roll_up_runs()
    assert caplog.messages == []
    with engine.begin() as connection:
        connection.execute(update(metrics_table).values(grades_failed=7))
    write(engine, *(snapshot(f"run-{number}") for number in range(3)))
    monkeypatch.setattr(upkeep_module, "_ROLL_UP_SECONDS", 0.0)
    told = "Rolling up: 1 quarters of an hour and 3 runs are left."
    for _ in range(3):
        assert upkeep.roll_up_runs()
    assert caplog.messages == [told]
    monkeypatch.setattr(upkeep_module, "_PROGRESS_SECONDS", 0.0)
    assert upkeep.roll_up_runs()
    assert caplog.messages == [told, told]
    monkeypatch.setattr(upkeep_module, "_ROLL_UP_SECONDS", 600.0)
    for _ in range(3):
        assert not upkeep.roll_up_runs()
    assert caplog.messages == [told, told, "All runs are rolled up."]
