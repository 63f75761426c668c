"""``canvas-sync-monitor doctor`` tells what is wrong and what to do, in bounded time."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_exporter.cli import main
from canvas_sync_exporter.doctor import Finding, Status
from canvas_sync_exporter.doctor.examination import _done
from support.otlp import refusing_collector


def examined(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json", *words])
    return code, json.loads(capsys.readouterr().out)["checks"]


def test_before_the_first_sync_all_is_well_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checks = examined(capsys)
    assert {check["status"] for check in checks.values()} == {"ok"}
    assert code == 0
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_answer_has_failed_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with refusing_collector() as url:
        address = url.removeprefix("http://")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", f"postgresql://u:hidden@{address}/app")
        code, checks = examined(capsys, "--prometheus", url)
    assert code == 1
    for name in ("collector", "database", "prometheus"):
        assert checks[name]["status"] == "failed"
        assert checks[name]["remedy"]
    assert "hidden" not in json.dumps(checks)


def test_a_misspelt_setting_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_" + "LOGDIR", "/var/log")
    code, checks = examined(capsys)
    assert (code, checks["settings"]["status"]) == (0, "warning")
    assert "CANVAS_SYNC_LOG_DIR?" in checks["settings"]["remedy"]


def test_a_setting_that_cannot_be_used_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_HEARTBEAT_SECONDS", "often")
    code, checks = examined(capsys)
    assert (code, list(checks)) == (1, ["settings"])


def test_a_tokens_file_that_others_can_read_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"ops admin sha256:{'0' * 64}\n")
    monkeypatch.setenv("CANVAS_SYNC_TOKENS_FILE", str(file))
    for mode, status in ((0o604, "failed"), (0o640, "warning"), (0o600, "ok")):
        file.chmod(mode)
        assert examined(capsys)[1]["tokens"]["status"] == status


def test_a_check_that_hangs_or_breaks_has_failed_and_the_others_are_reported() -> None:
    forever = threading.Event()

    def hang() -> Finding:
        forever.wait()
        return Finding.ok("late")

    def fail() -> Finding:
        raise RuntimeError("a bug")

    found = _done({"a": hang, "b": fail, "c": lambda: Finding.ok("fine")}, seconds=2.0)
    forever.set()
    assert [finding.status for finding in found.values()] == [
        Status.FAILED,
        Status.FAILED,
        Status.OK,
    ]


def test_in_a_pipe_it_prints_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert str(Path(os.environ["CANVAS_SYNC_LOG_DIR"])) in printed


def test_destinations_of_messages_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[messages.webhook]\nurl = "http://127.0.0.1:1/Secret4711"\nseverities = "warning"\n'
    )
    monkeypatch.setenv("CANVAS_SYNC_CONFIG", str(file))
    code, checks = examined(capsys)
    assert code == 1
    assert checks["configuration file"]["status"] == "ok"
    assert checks["messages"]["status"] == checks["links"]["status"] == "warning"
    assert "Messages cannot be sent: 127.0.0.1: " in checks["messages webhook"]["message"]
    assert "Secret4711" not in str(checks)
