"""An exporter whose database has tables of another version."""

from __future__ import annotations

from pathlib import Path

import requests
from sqlalchemy import text

from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.schema_version import VERSION_TABLE
from support.command_line import run_here
from support.serve_process import serve_process


def make_newer(folder: Path) -> None:
    """Make an embedded database look like that of a later version."""
    file = folder / "logs/state/canvas_sync.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()


def test_metrics_are_served_beside_tables_of_a_later_version(tmp_path: Path) -> None:
    make_newer(tmp_path)
    settings = {"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")}
    with serve_process(tmp_path, settings=settings) as exporter:
        metrics = requests.get(f"{exporter.url}/metrics", timeout=60)
        health = requests.get(f"{exporter.url}/api/canvas/metrics/health", timeout=60)
        log = exporter.log
    assert "only /metrics is complete" in log
    assert "Update canvas-sync-monitor" in log
    assert metrics.status_code == 200
    assert "canvas_sync_exporter_check" in metrics.text
    assert health.status_code == 503
    assert "Update canvas-sync-monitor" in health.text


def test_tables_can_be_taken_back_to_an_older_version_and_forth(tmp_path: Path) -> None:
    settings = {"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")}
    commands = (["db", "upgrade"], ["db", "downgrade", "0009"], ["db", "upgrade"])
    answers = [run_here(each, tmp_path, settings) for each in commands]
    assert [answer.returncode for answer in answers] == [0, 0, 0]
    assert "has version 0009" in answers[1].stdout
    assert "this one would upgrade it again" in answers[1].stdout


def test_a_version_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    settings = {"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")}
    run_here(["db", "upgrade"], tmp_path, settings)
    answer = run_here(["db", "downgrade", "9"], tmp_path, settings)
    assert answer.returncode == 1
    assert "use one of 0001, 0002" in answer.stderr
