"""The REST API, asked over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import requests

from canvas_sync_core.names import ITEMS
from support.problems import problem_of
from support.runs import failed, snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter


def _ids(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [run["sync_task_id"] for run in answer.json()["items"]]


def test_a_run_is_returned_whole_by_number_and_by_task_id(shared_exporter: Exporter) -> None:
    by_task = shared_exporter.api("sync/task/nightly/41")
    run = by_task.json()
    assert by_task.headers["Content-Type"] == "application/json"
    assert by_task.headers["Cache-Control"] == "private, no-cache"
    assert run["sync_status"] == "success"
    assert run["duration"] == 12.5
    assert run["items"]["courses"] == {
        "processed": 3,
        "created": 1,
        "updated": 1,
        "failed": 0,
    }
    assert set(run["items"]) == {f"{item}s" for item in ITEMS}
    assert run["sync_metadata"] == {"term": "autumn"}
    assert run["sync_start_time"].endswith("Z")
    assert dt.datetime.fromisoformat(run["sync_start_time"]).utcoffset() == dt.timedelta(0)
    assert shared_exporter.api(f"sync/{run['id']}").json() == run


def test_each_use_of_a_task_id_is_found_by_the_name_of_its_row(exporter: Exporter) -> None:
    write(exporter.engine, snapshot("nightly/41", trace_id="a" * 32))
    assert exporter.api("sync/task/nightly/41").json()["trace_id"] != "a" * 32
    for name in ("nightly/41~2", "nightly%2F41%7E2"):
        assert exporter.api(f"sync/task/{name}").json()["trace_id"] == "a" * 32


def test_a_task_id_may_hold_any_character(shared_exporter: Exporter) -> None:
    answer = shared_exporter.api("sync/task/%E2%98%83%20%3Cb%3E")
    assert answer.json()["sync_task_id"] == "\N{SNOWMAN} <b>"


@pytest.mark.parametrize("path", ["sync/999999", "sync/task/nobody", "sync/task/%FF%FE"])
def test_an_unknown_run_is_not_found(shared_exporter: Exporter, path: str) -> None:
    problem_of(shared_exporter.api(path), 404)


def test_an_unknown_user_is_not_found(shared_exporter: Exporter) -> None:
    problem_of(shared_exporter.api("user/12345/summary"), 404)
    problem_of(shared_exporter.api("user/12345/syncs"), 404)


@pytest.mark.parametrize(
    "path",
    ["recent", "failed", "user/9/syncs", "summary", "performance", "user/9/summary", "freshness"],
)
def test_each_list_and_statistic_has_a_period(exporter: Exporter, path: str) -> None:
    noon = dt.datetime(2025, 12, 22, 12, tzinfo=dt.UTC).timestamp()
    for day in range(4):
        start = noon + 86400 * day
        write(exporter.engine, snapshot(f"good-{day}", user_id=9, start_time=start))
        write(exporter.engine, failed(f"bad-{day}", user_id=9, start_time=start))

    def runs(period: str) -> int:
        body = exporter.api(f"{path}?{period}").json()
        if path == "freshness":
            return len(body["items"])
        if path == "performance":
            return sum(day["duration"]["count"] for day in body["trend"])
        return body["runs"]["total"] if "runs" in body else len(body["items"])

    each_day = {"failed": 1, "freshness": 1}.get(path, 2)
    assert runs("from=2025-12-22&to=2025-12-23") == each_day
    assert runs("from=2025-12-24T12:15:01Z&to=2026-01-01") == each_day
    assert runs("from=2025-12-22T13:00&to=2025-12-23T13:00&tz=Europe/Berlin") == each_day
    assert runs("from=2025-12-20&to=2025-12-22") == 0
    assert runs("from=0001-01-01&to=9999-12-31") >= (1 if path == "freshness" else 4 * each_day)
    if path not in ("recent", "user/9/syncs"):
        assert runs("days=1&to=2025-12-24") == each_day
        report = exporter.api(f"{path}?from=2025-12-22&to=2025-12-23").json()
        assert path == "failed" or report["until"] == "2025-12-23T00:00:00Z"


def test_the_newest_runs_come_first(shared_exporter: Exporter) -> None:
    assert _ids(shared_exporter.api("recent"))[0] == "under way"
    assert len(_ids(shared_exporter.api("recent?limit=2"))) == 2
    assert _ids(shared_exporter.api("user/7/syncs")) == ["nightly/42"]


def test_runs_that_went_wrong_are_listed_with_their_errors(shared_exporter: Exporter) -> None:
    (run,) = shared_exporter.api("failed").json()["items"]
    assert run["sync_task_id"] == "broken"
    assert (run["error_type"], run["error_message"]) == ("TimeoutError", "Canvas did not answer")


@pytest.mark.parametrize("path", ["recent?", "failed?days=2&", "user/5/syncs?"])
def test_a_list_is_read_to_its_end_by_cursor(exporter: Exporter, path: str) -> None:
    write(exporter.engine, *(failed(f"f{number}", user_id=5) for number in range(25)))
    found: list[str] = []
    cursor = ""
    while True:
        answer = exporter.api(f"{path}limit=4{cursor}")
        found += _ids(answer)
        if answer.json()["next"] is None:
            break
        cursor = f"&cursor={answer.json()['next']}"
    assert len(found) == len(set(found))
    assert set(found) >= {f"f{number}" for number in range(25)}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("recent?limit=0", ["limit"]),
        ("recent?limit=501", ["limit"]),
        ("recent?limit=ten", ["limit"]),
        ("recent?limit=", ["limit"]),
        ("recent?limit=1_0", ["limit"]),
        ("recent?limit=%D9%A1", ["limit"]),
        ("recent?limit=" + "9" * 5000, ["limit"]),
        ("recent?limit=1&limit=2", ["limit"]),
        ("recent?cursor=nonsense", ["cursor"]),
        ("recent?cursor=", ["cursor"]),
        ("recent?days=3", ["days"]),
        ("summary?days=0", ["days"]),
        ("summary?days=3661", ["days"]),
        ("summary?days=-1", ["days"]),
        ("summary?exact=1", ["exact"]),
        ("summary?tz=Mars", ["tz"]),
        ("summary?days=3&from=1h", ["days"]),
        ("summary?from=2h&to=3h", ["to"]),
        ("recent?to=never", ["to"]),
        ("incidents?from=never", ["from"]),
        ("performance?exact=yes&tz=Mars/Olympus", ["tz", "exact"]),
        ("performance?tz=", ["tz"]),
        ("performance?tz=../../etc/passwd", ["tz"]),
        ("performance?tz=%00", ["tz"]),
        ("performance?tz=localtime", ["tz"]),
        ("performance?tz=right/UTC", ["tz"]),
        ("failed?days=x&limit=y&z=1", ["z", "days", "limit"]),
        ("sync/first", ["run_id"]),
        ("sync/0", ["run_id"]),
        ("sync/9223372036854775808", ["run_id"]),
        ("sync/task/%00", ["task_id"]),
        ("user/me/summary", ["user_id"]),
        ("user/1e3/syncs", ["user_id"]),
        ("logs/cleanup-status?verbose=1", ["verbose"]),
    ],
)
def test_a_wrong_parameter_is_named(
    shared_exporter: Exporter, path: str, fields: list[str]
) -> None:
    problem = problem_of(shared_exporter.api(path), 422)
    assert [error["field"] for error in problem["errors"]] == fields
    assert all(error["detail"] for error in problem["errors"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_a_wrong_method_is_reported_with_the_right_ones(
    shared_exporter: Exporter, method: str
) -> None:
    answer = shared_exporter.request(method, "/api/canvas/metrics/recent")
    problem_of(answer, 405)
    assert {"GET", "HEAD"} <= set(answer.headers["Allow"].split(", "))


def test_head_and_options_are_answered(shared_exporter: Exporter) -> None:
    head = shared_exporter.request("HEAD", "/api/canvas/metrics/recent")
    assert (head.status_code, head.content) == (200, b"")
    options = shared_exporter.request("OPTIONS", "/api/canvas/metrics/recent")
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


def test_a_database_that_is_away_is_reported_with_when_to_ask_again(exporter: Exporter) -> None:
    exporter.engine.dispose()
    folder = exporter.config.app.state_folder
    folder.rename(folder.with_name("moved"))
    folder.write_text("in the way")
    for path in ("recent", "summary", "performance", "sync/1", "user/1/syncs", "failed"):
        answer = exporter.api(path)
        problem_of(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert "SELECT" not in answer.text
    health = exporter.api("health")
    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")


def test_a_table_that_is_missing_is_reported(exporter: Exporter) -> None:
    with exporter.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE canvas_sync_metrics")
    problem_of(exporter.api("recent"), 503)
    health = exporter.api("health")
    assert health.status_code == 503
    assert "db upgrade" in health.json()["checks"]["database"]["reason"]
