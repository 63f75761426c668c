"""What the settings open: which logs are written, and that nothing else depends on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import create_engine, text

from canvas_sync_core.metrics import crowded_directory
from canvas_sync_core.names import Log
from canvas_sync_instrumentation import (
    instrument_requests,
    instrument_sqlalchemy,
    uninstrument_requests,
    uninstrument_sqlalchemy,
)
from canvas_sync_instrumentation.monitor import configure, shutdown
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.evidence import read_rows
from support.http_answers import Answer, answering
from support.log_lines import records_in
from support.metric_processes import leave_dead


def lines_of_a_good_and_a_bad_run(folder: Path, **settings: Any) -> dict[str, str]:
    """Make a run that succeeds and one that fails, and return what is in each log file."""
    configure(log_dir=folder, log_format="text", environ={}, **settings)
    with CanvasSyncMetricsTracker("good", 1) as run:
        run.record_course(created=True)
        run.record_api_call("GET", "https://canvas.example.edu/api/v1/courses", 200, 0.1)
    bad = CanvasSyncMetricsTracker("bad", 2)
    bad.complete_failure("the token is gone")
    shutdown()
    return {log.stem: log.read_text() for log in folder.glob("*.log")}


def counted(folder: Path) -> dict[str, float]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder / "state" / "metrics"))  # type: ignore[no-untyped-call]  # has no types
    return {
        sample.labels["status"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "canvas_sync_runs_total"
    }


def test_a_level_of_warning_logs_only_failures(tmp_path: Path) -> None:
    logs = lines_of_a_good_and_a_bad_run(tmp_path, log_level="WARNING")
    assert "bad, 2, ended, failed" in logs["operations"]
    assert "the token is gone" in logs["errors"]
    assert "good" not in "".join(logs.values())
    assert set(logs) == {"operations", "errors"}


@pytest.mark.parametrize("level", ["INFO", "ERROR", "OFF"])
def test_rows_and_counters_do_not_depend_on_the_level(tmp_path: Path, level: str) -> None:
    logs = lines_of_a_good_and_a_bad_run(tmp_path, log_level=level)
    rows = read_rows(f"sqlite:///{tmp_path}/state/canvas_sync.sqlite3")
    assert {task: row["sync_status"] for task, row in rows.items()} == {
        "good": "success",
        "bad": "failed",
    }
    assert rows["good"]["api_calls"] == 1
    assert {status: count for status, count in counted(tmp_path).items() if count} == {
        "success": 1.0,
        "failed": 1.0,
    }
    assert bool(logs) == (level != "OFF")


def test_one_log_may_have_a_level_of_its_own(tmp_path: Path) -> None:
    logs = lines_of_a_good_and_a_bad_run(
        tmp_path, log_level_operations="OFF", log_level_progress="ERROR"
    )
    assert set(logs) == {"api_calls", "errors"}


def test_at_level_debug_hooks_say_more_of_calls_and_statements(tmp_path: Path) -> None:
    configure(log_dir=tmp_path, environ={}, log_level="DEBUG")
    engine = create_engine("sqlite://")
    links = {"Link": '<http://127.0.0.1/api/v1/courses?page=3>; rel="next"'}
    instrument_requests()
    instrument_sqlalchemy(engine)
    try:
        with (
            answering() as server,
            CanvasSyncMetricsTracker("nightly-1", 1),
            engine.connect() as connection,
        ):
            server.answers["/api/v1/courses"] = [Answer(503), Answer(200, headers=links)]
            for _ in range(2):
                requests.get(f"{server.url}/api/v1/courses?page=2&per_page=100", timeout=60)
            connection.execute(text("SELECT 'Ada'"))
    finally:
        uninstrument_sqlalchemy(engine)
        engine.dispose()
        uninstrument_requests()
        shutdown()
    calls, operations = (
        records_in(tmp_path / f"{log}.log") for log in (Log.API_CALLS, Log.DATABASE)
    )
    details = [line for line in calls if line["event"] == "api_call_detail"]
    assert [line.get("attempt", 0) for line in details] == [0, 1]
    assert {(line["page"], line["per_page"]) for line in details} == {(2, 100)}
    assert details[1]["links"] == ["next"]
    (statement,) = (line for line in operations if line["event"] == "db_statement")
    assert statement["statement"] == "SELECT ?"


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_folder_that_the_app_may_serve_itself_is_left_to_the_exporter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_shared: bool
) -> None:
    """There, prometheus-client would lose the folded counts."""
    folder = tmp_path / "state" / "metrics"
    for _ in range(3):
        leave_dead(folder, 1)
    monkeypatch.setattr(crowded_directory, "MOST_FILES", 10)
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(folder)} if is_shared else {}
    configure(log_dir=tmp_path, environ=environ)
    with CanvasSyncMetricsTracker("new", 1):
        pass
    shutdown()
    assert len(list(folder.glob("counter_*.db"))) == (4 if is_shared else 1)
