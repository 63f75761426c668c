"""Whoever has the package installed has its fixtures, and pays nothing for those not asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

USERS_TESTS = """
from canvas_sync_instrumentation import CanvasSyncMetricsTracker


def nightly_sync(user_id):
    with CanvasSyncMetricsTracker("nightly", user_id) as run:
        run.record_course(3, created=True)


def test_the_nightly_sync_copies_three_courses(canvas_sync_recording):
    nightly_sync(user_id=42)
    (run,) = canvas_sync_recording.runs
    assert run.status == "success"
    assert run.items["course"].created == 3
    assert run.trace_id == "0" * 31 + "1"


def test_each_test_starts_fresh(canvas_sync_recording, canvas_sync_clock):
    canvas_sync_clock.advance(60)
    nightly_sync(user_id=42)
    (run,) = canvas_sync_recording.runs
    assert run.start_time == 1_767_225_660.0
"""


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        check=False,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_fixtures_are_there_without_a_line_of_set_up(tmp_path: Path) -> None:
    (tmp_path / "test_users.py").write_text(USERS_TESTS)
    result = pytest_in(tmp_path, "-q")
    assert "2 passed" in result.stdout, result.stdout + result.stderr
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ""] == ["test_users.py"]


def test_the_fixtures_say_what_they_are_for(tmp_path: Path) -> None:
    assert "canvas_sync_recording -- " in pytest_in(tmp_path, "--fixtures").stdout


def test_a_run_of_pytest_that_asks_for_none_imports_no_telemetry() -> None:
    code = (
        "import sys, canvas_sync_instrumentation.pytest_plugin; "
        "assert not {'opentelemetry', 'sqlalchemy', 'msgspec'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
