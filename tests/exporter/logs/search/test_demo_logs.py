"""Searched and followed: logs that a real sync wrote, in both formats."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_exporter.logs.search import FoundLine, LineFilter, LogSearch, compile_pattern
from canvas_sync_exporter.logs.tail import LogTail
from support.canvas import SMALL_SCHOOL

TEACHER = 41
WRONG_TOKEN = "1~demoWrongTokenWrongToken"


def sync(server: CanvasServer, folder: Path, task_id: str, token: str, log_format: str) -> None:
    options = {
        "--task-id": task_id,
        "--user": str(TEACHER),
        "--canvas-url": server.url,
        "--database": str(folder / "app.sqlite3"),
        "--timeout": "5",
    }
    subprocess.run(
        [sys.executable, "-m", "canvas_sync_demo.sync_app", *sum(options.items(), ())],
        env={
            **os.environ,
            "CANVAS_TOKEN": token,
            "CANVAS_SYNC_LOG_DIR": str(folder),
            "CANVAS_SYNC_LOG_FORMAT": log_format,
        },
        capture_output=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of a sync in JSON, one in text and one whose token is wrong."""
    folder = tmp_path_factory.mktemp("logs")
    with CanvasServer(7, size=SMALL_SCHOOL) as server:
        sync(server, folder, "in json", server.tokens[TEACHER], "json")
        sync(server, folder, "in text", server.tokens[TEACHER], "text")
        sync(server, folder, "refused", WRONG_TOKEN, "json")
    return folder


def found_in(folder: Path, **filters: object) -> list[FoundLine]:
    wanted = LineFilter(**filters)  # type: ignore[arg-type]  # the test's own words
    search = LogSearch(folder, folder / "archive", wanted, limit=10_000)
    with closing(search):
        found = list(search)
    assert (search.notes.unreadable_lines, search.notes.problems) == (0, [])
    return found


def written(folder: Path, log: Log) -> list[bytes]:
    return (folder / f"{log.value}.log").read_bytes().splitlines()


@pytest.mark.parametrize("log", list(Log))
def test_every_line_that_a_sync_wrote_is_found(folder: Path, log: Log) -> None:
    assert written(folder, log)
    assert len(found_in(folder, logs=(log,))) == len(written(folder, log))


def test_a_run_is_found_in_all_logs_by_its_task(folder: Path) -> None:
    found = found_in(folder, task_id="in json")
    expected = [line for log in Log for line in written(folder, log) if b'"in json"' in line]
    assert len(found) == len(expected) > 20
    assert {line.log for line in found} == {
        Log.OPERATIONS,
        Log.API_CALLS,
        Log.DATABASE,
        Log.PROGRESS,
    }


def test_what_went_wrong_is_found_by_status_level_and_words(folder: Path) -> None:
    (refused,) = found_in(folder, status="401")
    assert (refused.fields["task_id"], refused.fields["auth_failure"]) == (
        "refused",
        "invalid_token",
    )
    assert {line.fields["task_id"] for line in found_in(folder, levels=("ERROR",))} == {"refused"}
    words = found_in(folder, text="Invalid access token", logs=(Log.ERRORS,))
    assert words == found_in(folder, pattern=compile_pattern("ERROR: Invalid"), logs=(Log.ERRORS,))
    assert len(words) == len(written(folder, Log.ERRORS))


def test_a_route_is_found_in_both_formats(folder: Path) -> None:
    found = found_in(folder, route="/api/v1/courses/:course_id/assignments")
    assert {"task_id" in line.fields for line in found} == {True, False}


def test_the_newest_lines_are_the_end_of_the_refused_run(folder: Path) -> None:
    with closing(LogTail(folder, folder / "archive", LineFilter(), lines=3)) as tail:
        assert "run_ended" in {line.fields["event"] for line in tail.newest}
        assert {line.fields["task_id"] for line in tail.newest} == {"refused"}
