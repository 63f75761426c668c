"""The log cleanup over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from canvas_sync_core.logs.control import ControlPage
from support.problems import problem_of

if TYPE_CHECKING:
    from .conftest import Exporter

POST = "/api/canvas/metrics/logs/cleanup"


def test_the_cleanup_is_not_run_by_a_link(exporter: Exporter) -> None:
    answer = exporter.get(POST)
    problem_of(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_the_cleanup_archives_what_was_rotated_out(exporter: Exporter) -> None:
    logs = exporter.config.app.log_dir
    logs.mkdir(exist_ok=True)
    (logs / "errors.log").write_text("now\n")
    (logs / "errors.log.1").write_text("before\n" * 100)
    before = {log["log"]: log for log in exporter.api("logs/cleanup-status").json()["logs"]}
    assert (before["errors"]["backups"], before["errors"]["lines"]) == (1, 101)

    report = exporter.request("POST", POST, json={}).json()
    assert report["errors"] == []
    assert sum(log["files"] for log in report["logs"]) == 1

    status = exporter.api("logs/cleanup-status").json()
    after = {log["log"]: log for log in status["logs"]}
    assert (after["errors"]["backups"], after["errors"]["archives"]) == (0, 1)
    assert status["last_cleanup"] == report
    assert status["next_cleanup"] is None
    assert status["free_disk_bytes"] > 0
    metrics = exporter.get("/metrics").text
    assert 'canvas_sync_cleanup_runs_total{status="success"} 1.0' in metrics
    assert "canvas_sync_cleanup_last_success_timestamp_seconds" in metrics


def test_a_cleanup_of_a_folder_that_is_gone_says_so(exporter: Exporter) -> None:
    folder = exporter.config.app.log_dir
    exporter.engine.dispose()
    folder.rename(folder.with_name("moved"))
    answer = exporter.request("POST", POST, json={})
    assert answer.status_code == 503
    assert f"{folder}: No such file or directory" in answer.json()["detail"]
    assert not folder.exists()


def test_a_second_cleanup_at_the_same_time_is_refused(exporter: Exporter) -> None:
    lock = exporter.config.app.control_folder / "cleanup.lock"
    with ControlPage(lock).locked(0) as held:
        assert held
        problem_of(exporter.request("POST", POST, json={}), 409)
        assert exporter.api("logs/cleanup-status").json()["running"]
    assert exporter.request("POST", POST, json={}).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"", 200),
        ("application/json; charset=utf-8", b" {} ", 200),
        ("application/x-www-form-urlencoded", b"a=b", 415),
        ("text/plain", b"{}", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        (None, b"", 415),
        ("application/json", b'{"dry_run": true}', 422),
        ("application/json", b"\xff", 422),
        ("application/json", b"{}" + b" " * 5000, 413),
        ("application/json", b" " * 70_000, 413),
    ],
)
def test_the_cleanup_asks_for_json(
    exporter: Exporter, content_type: str | None, body: bytes, status: int
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = exporter.request("POST", POST, data=body, headers=headers)
    assert answer.status_code == status, answer.text
