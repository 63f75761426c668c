"""The instrumented sync app, in a process of its own."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import canvas_sync_demo.sync_app
from canvas_sync_demo import canvas_server as simulated
from canvas_sync_demo.canvas_server import CanvasServer, Fault, FaultPlan, When
from support.canvas import SMALL_SCHOOL
from support.forked_programs import ForkedModule
from support.log_lines import records_in

TEACHER = 41
APP = Path(canvas_sync_demo.sync_app.__file__).parent


def sync(
    server: CanvasServer, folder: Path, task_id: str, *, token: str | None = None
) -> tuple[int, str]:
    """Run it to its end; returns its exit code and what it printed."""
    options = {
        "--task-id": task_id,
        "--user": str(TEACHER),
        "--canvas-url": server.url,
        "--database": str(folder / "app.sqlite3"),
        "--timeout": "60",
    }
    variables = {
        "CANVAS_TOKEN": server.tokens[TEACHER] if token is None else token,
        "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "60",  # its row is looked for right after the end
    }
    words = ["canvas_sync_demo.sync_app", *sum(options.items(), ())]
    output = folder / "printed"
    process = ForkedModule(words, os.environ | variables, output)
    return process.wait(), output.read_text()


def log(folder: Path, name: str) -> list[dict[str, Any]]:
    return records_in(folder / "logs" / f"{name}.log")


def runs(folder: Path) -> dict[str, sqlite3.Row]:
    connection = sqlite3.connect(folder / "logs" / "state" / "canvas_sync.sqlite3")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT * FROM canvas_sync_metrics").fetchall()
    connection.close()
    return {row["sync_task_id"]: row for row in rows}


def test_every_request_that_canvas_counted_is_in_the_log_and_no_other(tmp_path: Path) -> None:
    """By method, route and status; also those that were not answered."""
    faults = (
        Fault(simulated.ServerError(502), When(first=4, times=1)),
        Fault(simulated.Dropped(), When(first=6, times=1)),
    )
    with CanvasServer(7, size=SMALL_SCHOOL, plan=FaultPlan({TEACHER: faults})) as server:
        assert sync(server, tmp_path, "first") == (0, "")
        counted = Counter(
            (record["method"], record["route"], record.get("status_code"))
            for record in log(tmp_path, "api_calls")
        )
        assert counted == server.requests
        run = runs(tmp_path)["first"]
        assert run["api_calls"] == counted.total()
        assert (run["sync_status"], run["api_failed"]) == ("success", 2)


def test_items_are_inferred_from_the_database_operations(
    tmp_path: Path, canvas_server: CanvasServer
) -> None:
    assert sync(canvas_server, tmp_path, "first") == (0, "")
    school = canvas_server.school
    handed_in = [*school.submissions_of(101), *school.submissions_of(102)]
    first = runs(tmp_path)["first"]
    assert first["courses_created"] == 2
    assert first["submissions_created"] == len(handed_in)
    assert first["grades_created"] == len([item for item in handed_in if item.score is not None])
    canvas_server.evolve()
    assert sync(canvas_server, tmp_path, "second") == (0, "")
    second = runs(tmp_path)["second"]
    assert (second["courses_created"], second["courses_updated"]) == (0, 2)
    assert second["assignments_created"] == 2


def test_a_refused_token_ends_the_run_as_failed_and_is_never_printed(
    tmp_path: Path, canvas_server: CanvasServer
) -> None:
    code, printed = sync(canvas_server, tmp_path, "first", token="1~demoWrongTokenWrongToken")
    assert code == 1
    assert "Invalid access token" in printed
    assert "Traceback" not in printed
    assert "1~demo" not in printed
    run = runs(tmp_path)["first"]
    assert (run["sync_status"], run["error_type"]) == ("failed", "InvalidAccessToken")


def test_a_skipped_course_makes_the_run_partial(tmp_path: Path) -> None:
    plan = FaultPlan({TEACHER: (Fault(simulated.Forbidden(), When(course_id=102)),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
        assert sync(server, tmp_path, "first") == (0, "")
    run = runs(tmp_path)["first"]
    assert (run["sync_status"], run["error_message"]) == ("partial", "No access to course 102")


def test_without_a_token_nothing_is_tried(tmp_path: Path, canvas_server: CanvasServer) -> None:
    code, printed = sync(canvas_server, tmp_path, "first", token="")
    assert code == 2
    assert "CANVAS_TOKEN" in printed
    assert canvas_server.requests == {}


@pytest.mark.parametrize("source", sorted(APP.glob("*.py")), ids=lambda path: path.name)
def test_only_the_job_knows_of_the_instrumentation(source: Path) -> None:
    """Which it meets in an import and three lines."""
    text = source.read_text()
    assert ("canvas_sync_instrumentation" in text) == (source.name == "job.py")
    if source.name == "job.py":
        code = text.partition("def run_sync")[2]
        ours = ("instrument_canvasapi(", "instrument_sqlalchemy(", "CanvasSyncMetricsTracker(")
        assert [code.count(name) for name in ours] == [1, 1, 1]
        assert code.count("run.") == 1
