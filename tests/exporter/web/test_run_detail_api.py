"""One run over HTTP: its history, and what the logs of a real sync say about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from canvas_sync_core.names import Log
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.retention_settings import make_retention_settings
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown
from support.runs import failed, snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter

URL = "https://canvas.example.edu/api/v1/courses/7/assignments?page=2"
META = "q=250000;u=0.125;y=0.0625;d=0.5"


def _sync(run: CanvasSyncMetricsTracker, calls: int) -> None:
    with run.step("courses"):
        for _ in range(calls):
            headers = {"X-Canvas-Meta": META, "X-Request-Cost": "0.5", "X-Request-Context-Id": "r1"}
            run.record_api_call("GET", URL, 200, 1.5, headers=headers)
        with run.step("details"):
            run.record_db_operation("insert", "courses", 20, 0.125)
    with run.step("grades"):
        run.record_api_call("GET", URL, 502, 0.25)


@pytest.fixture
def run_id(exporter: Exporter) -> int:
    """A run beside others that write the same logs; its row has another name than its lines."""
    configure(environ={"CANVAS_SYNC_LOG_DIR": str(exporter.config.app.log_dir)})
    for task_id in ("other", "documented", "documented"):
        with CanvasSyncMetricsTracker(task_id, 42) as run:
            _sync(run, 2 if task_id == "documented" else 9)
    shutdown()
    found = run_by_task(exporter.engine, "documented~2")
    assert found is not None
    return found.id


def _get(exporter: Exporter, path: str) -> dict[str, Any]:
    answer = exporter.api(path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_the_calls_of_a_run_distinguish_canvas_its_queue_and_the_own_database(
    exporter: Exporter, run_id: int
) -> None:
    page = _get(exporter, f"sync/{run_id}/calls")
    assert (page["next"], page["searched_to"], page["problems"]) == (None, None, [])
    kinds = [(call["kind"], call["outcome"]) for call in page["items"]]
    assert sorted(kinds) == [
        *(("api", "failed"), ("api", "success"), ("api", "success"), ("database", "success")),
    ]
    call = next(each for each in page["items"] if each["kind"] == "api")
    assert call["duration_seconds"] == 1.5
    assert (call["queue_seconds"], call["canvas_database_seconds"]) == (0.25, 0.5)
    assert (call["cpu_seconds"], call["cost"]) == (0.1875, 0.5)
    assert (call["route"], call["request_context_id"]) == (
        "/api/v1/courses/:course_id/assignments",
        "r1",
    )
    operation = next(each for each in page["items"] if each["kind"] == "database")
    assert (operation["operation"], operation["table"], operation["count"]) == (
        "INSERT",
        "courses",
        20,
    )
    assert operation["duration_seconds"] == 0.125
    assert call["offset_seconds"] < operation["offset_seconds"] < 60


def test_operations_that_were_summed_up_are_one_call_from_the_first_to_the_last(
    exporter: Exporter,
) -> None:
    configure(environ={"CANVAS_SYNC_LOG_DIR": str(exporter.config.app.log_dir)})
    with CanvasSyncMetricsTracker("row-by-row", 42) as run:
        for _ in range(100):
            run.record_db_operation("INSERT", "grades", 2, 0.002)
    shutdown()
    found = run_by_task(exporter.engine, "row-by-row")
    assert found is not None
    calls = _get(exporter, f"sync/{found.id}/calls?kind=database")["items"]
    assert sum(call["operations"] for call in calls) == 100 == found.db_operations
    assert sum(call["count"] for call in calls) == 200
    summed = max(calls, key=lambda call: int(call["operations"]))
    assert summed["operations"] > 1
    assert summed["duration_seconds"] == pytest.approx(0.002 * summed["operations"])
    assert summed["longest_seconds"] == 0.002
    assert summed["elapsed_seconds"] > 0


def test_calls_are_listed_by_kind_and_page_by_page(exporter: Exporter, run_id: int) -> None:
    assert len(_get(exporter, f"sync/{run_id}/calls?kind=database")["items"]) == 1
    assert len(_get(exporter, f"sync/{run_id}/calls?kind=database&kind=api")["items"]) == 4
    assert _get(exporter, f"sync/{run_id}/calls?kind=guard")["items"] == []
    found, cursor = [], ""
    while True:
        page = _get(exporter, f"sync/{run_id}/calls?kind=api&limit=1{cursor}")
        found += [call["outcome"] for call in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == ["success", "success", "failed"]


@pytest.mark.parametrize("part", ["calls?", "log?order=oldest&"])
def test_what_a_run_did_is_found_by_time(exporter: Exporter, run_id: int, part: str) -> None:
    def found(query: str) -> list[Any]:
        page = _get(exporter, f"sync/{run_id}/{part}{query}")
        assert (page["next"], page["problems"]) == (None, [])
        return list(page["items"])

    lines = _get(exporter, f"sync/{run_id}/log?order=oldest&log=api_calls,database")["items"]
    middle = lines[2]["timestamp"]
    earlier, later = found(f"to={middle}"), found(f"from={middle}")
    assert earlier + later == found("")
    assert earlier
    assert later
    assert found("to=2020-01-01") == found("from=2999-01-01") == []


def test_the_steps_of_a_run_are_ordered_by_start(exporter: Exporter, run_id: int) -> None:
    steps = _get(exporter, f"sync/{run_id}/steps")
    assert steps["is_complete"] is True
    assert [(step["step"], step["status"]) for step in steps["items"]] == [
        ("courses", "success"),
        ("details", "success"),
        ("grades", "success"),
    ]
    courses, details, grades = steps["items"]
    assert courses["offset_seconds"] <= details["offset_seconds"] <= grades["offset_seconds"]
    assert details["end"] <= courses["end"] <= grades["end"]
    assert [step["error"] for step in steps["items"]] == [None, None, None]


def test_a_step_in_which_a_run_failed_says_why(exporter: Exporter) -> None:
    configure(environ={"CANVAS_SYNC_LOG_DIR": str(exporter.config.app.log_dir)})
    with (
        pytest.raises(ValueError, match="no such term"),
        CanvasSyncMetricsTracker("bad", 42) as run,
        run.step("grades"),
    ):
        raise ValueError("no such term")
    shutdown()
    found = run_by_task(exporter.engine, "bad")
    assert found is not None
    (step,) = _get(exporter, f"sync/{found.id}/steps")["items"]
    assert (step["status"], step["error_type"]) == ("failed", "ValueError")


def test_the_lines_of_a_run_are_those_of_its_trace_in_all_logs(
    exporter: Exporter, run_id: int
) -> None:
    trace_id = _get(exporter, f"sync/{run_id}")["trace_id"]
    lines = _get(exporter, f"sync/{run_id}/log?order=oldest")["items"]
    assert {line["record"]["trace_id"] for line in lines} == {trace_id}
    assert {line["log"] for line in lines} == set(Log)
    events = [line["record"]["event"] for line in lines if line["log"] == "operations"]
    assert (events[0], events[-1]) == ("run_started", "run_ended")
    assert len(_get(exporter, f"sync/{run_id}/log?log=database")["items"]) == 1


def test_a_run_is_found_in_archives(exporter: Exporter, run_id: int) -> None:
    calls = _get(exporter, f"sync/{run_id}/calls")["items"]
    folder = exporter.config.app.log_dir
    for log in folder.glob("*.log"):
        log.rename(f"{log}.1")
    cleanup_canvas_sync_logs(make_retention_settings(exporter.config))
    assert list(exporter.config.archive_folder.iterdir())
    assert _get(exporter, f"sync/{run_id}/calls")["items"] == calls


def test_lists_about_a_run_come_as_csv_and_ndjson(exporter: Exporter, run_id: int) -> None:
    rows = exporter.api(f"sync/{run_id}/calls?format=csv").text.splitlines()
    assert (rows[0].split(",")[:2], len(rows)) == (["kind", "start"], 5)
    lines = exporter.api(f"sync/{run_id}/log?format=ndjson").text.splitlines()
    assert json.loads(lines[0])["log"]


def test_a_run_has_a_history(exporter: Exporter) -> None:
    write(exporter.engine, failed("nightly/43"), snapshot("nightly/44"))
    ids = {name: _get(exporter, f"sync/task/{name}")["id"] for name in ("nightly/43", "nightly/44")}
    history = _get(exporter, f"sync/{ids['nightly/43']}/history")
    assert history["previous"]["sync_task_id"] == "broken"
    assert history["next"]["sync_task_id"] == "nightly/44"
    assert history["last_success"]["sync_task_id"] == "nightly/41"
    assert (history["usual"]["runs"], history["usual"]["duration"]) == (1, 12.5)
    assert history["usual"]["items"]["courses"] == 3


@pytest.mark.parametrize("part", ["calls", "steps", "log", "history"])
def test_an_unknown_run_is_not_found(shared_exporter: Exporter, part: str) -> None:
    assert shared_exporter.api(f"sync/999/{part}").status_code == 404
    assert shared_exporter.api(f"sync/x/{part}").status_code == 422
    assert shared_exporter.api(f"sync/task/{part}").json()["detail"].endswith(f"the id '{part}'.")


@pytest.mark.parametrize("part", ["calls", "log"])
def test_a_wrong_cursor_is_named(exporter: Exporter, part: str) -> None:
    exporter.config.app.log_dir.mkdir(exist_ok=True)
    answer = exporter.api(f"sync/1/{part}?cursor=nonsense")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


@pytest.mark.parametrize("part", ["calls", "steps", "log"])
def test_a_missing_log_folder_is_503(exporter: Exporter, part: str) -> None:
    folder = exporter.config.app.log_dir
    folder.rename(folder.with_name("elsewhere"))
    folder.touch()
    (folder.with_name("elsewhere") / "state").rename(folder.with_name("state"))
    assert exporter.api(f"sync/1/{part}").status_code == 503
