"""The quick start comes true in an empty environment, with the numbers that its page shows."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from support.markdown import DOCS, blocks

PAGE = DOCS / "tutorials" / "quick-start.md"


@pytest.fixture
def environment() -> dict[str, str]:
    """Of somebody who has set nothing."""
    unset = ("CANVAS_SYNC_LOG_DIR", "CANVAS_SYNC_STRICT")
    return {name: value for name, value in os.environ.items() if name not in unset}


def _console(beginning: str) -> list[str]:
    """Find a command that the page shows and give the lines of its output."""
    for block in blocks(PAGE, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE):
            if part.startswith(beginning):
                return part.replace("\\\n", "").splitlines()[1:]
    raise AssertionError(f"The page does not show {beginning!r}.")


def _run_the_script(installed: Path, folder: Path, environment: dict[str, str]) -> str:
    (script,) = blocks(PAGE, "python")
    (folder / "first_sync.py").write_text(script, encoding="utf-8")
    command = [str(installed / "python"), "first_sync.py"]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


@contextmanager
def _serving(installed: Path, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    command = [str(installed / "canvas-sync-monitor"), "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            lines = iter(process.stderr.readline, "")
            found = (re.search(r"Serving (http://\S+)/metrics", line) for line in lines)
            yield next(match[1] for match in found if match)
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()


def test_the_script_makes_the_logs_and_the_row_that_the_page_shows(
    installed_wheel: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    output = _run_the_script(installed_wheel, tmp_path, environment)

    assert re.fullmatch(r"first-sync-[0-9a-f-]{36}: success\n", output)
    logs = tmp_path / "logs" / "canvas_sync"
    assert (
        sorted(path.name for path in logs.iterdir())
        == " ".join(_console("ls logs/canvas_sync")).split()
    )
    shown = [_without_times(line) for line in _console("python -c 'import json")]
    lines = (logs / "api_calls.log").read_text(encoding="utf-8")
    assert [_without_times(line) for line in re.findall(r'"message":"([^"]*)"', lines)] == shown
    names, _, row = _console("sqlite3 -header -column")
    with closing(sqlite3.connect(logs / "state" / "canvas_sync.sqlite3")) as database:
        query = f"SELECT {', '.join(names.split())} FROM canvas_sync_metrics"
        assert [str(value) for value in database.execute(query).fetchone()] == row.split()


def test_the_exporter_shows_what_the_page_shows(
    installed_wheel: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    _run_the_script(installed_wheel, tmp_path, environment)

    with _serving(installed_wheel, tmp_path, environment) as url:
        metrics = requests.get(f"{url}/metrics", timeout=30).text.splitlines()
        recent = requests.get(f"{url}/api/canvas/metrics/recent?limit=1", timeout=30).json()
        docs = requests.get(f"{url}/api/canvas/docs", timeout=30)

    shown = _console("curl -s http://127.0.0.1:5000/metrics")
    assert shown
    assert [
        line for line in metrics if re.match(r'canvas_sync_api_requests_total.*"200"', line)
    ] == shown
    assert [run["user_id"] for run in recent["items"]] == [41]
    assert docs.ok


def _without_times(line: str) -> str:
    """Leave the clock and the duration out."""
    return re.sub(r"^\[[^\]]*\]| - [0-9.]+ms$", "", line)
