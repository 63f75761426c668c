"""Lines of the logs over real HTTP: searched, and streamed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.web import log_api
from support.log_api import clean, search
from support.log_folders import record

if TYPE_CHECKING:
    from .conftest import Exporter


def test_a_line_is_shown_whole(shared_logs: Exporter) -> None:
    page = search(shared_logs, "log=errors&limit=1")
    fields = record(Log.ERRORS, 7, task_id="run 7")
    (item,) = page["items"]
    assert item.pop("position")
    assert item == {
        "log": "errors",
        "timestamp": "2025-12-22T02:00:07Z",
        "message": fields["message"],
        "file": "errors.log",
        "record": fields,
    }


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("limit", [1, 3, 500])
def test_the_pages_give_every_line_once_though_a_cleanup_runs_between(
    exporter: Exporter, log_folder: Path, limit: int, order: str
) -> None:
    whole = [item["record"] for item in search(exporter, f"limit=500&order={order}")["items"]]
    assert len(whole) == 10
    found, cursor = [], ""
    while True:
        page = search(exporter, f"limit={limit}&order={order}{cursor}")
        found += [item["record"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
        clean(exporter)
    assert found == whole


def test_a_line_is_shown_among_those_around_it_by_its_position(
    exporter: Exporter, log_folder: Path
) -> None:
    position = search(exporter, "text=run+3")["items"][0]["position"]
    for _ in range(2):
        answer = exporter.api(f"logs/context?position={position}&before=2&after=5&level=info")
        assert answer.status_code == 200
        page = answer.json()
        shown = [line["record"]["task_id"] for line in page["before"] + page["after"]]
        assert shown == ["run 1", "run 2", "run 4", "run 5", "run 6", "run 7", "nightly-42"]
        assert page["line"]["record"]["task_id"] == "run 3"
        assert (page["is_complete"], page["problems"]) == (True, [])
        clean(exporter)


def test_the_position_of_a_deleted_line_is_gone(exporter: Exporter, log_folder: Path) -> None:
    clean(exporter)
    position = search(exporter, "text=run+0")["items"][0]["position"]
    for archive in (log_folder / "archive").glob("errors-*.tar.gz"):
        archive.unlink()
    answer = exporter.api(f"logs/context?position={position}")
    assert answer.status_code == 410
    assert answer.json()["detail"] == (
        "The line at this position has been deleted. The log errors now begins after it."
    )


def test_the_position_of_a_changed_line_is_not_found(exporter: Exporter, log_folder: Path) -> None:
    position = search(exporter, "text=run+7")["items"][0]["position"]
    live = log_folder / "errors.log"
    live.write_bytes(live.read_bytes().replace(b"run 7", b"run X"))
    answer = exporter.api(f"logs/context?position={position}")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "The line at this position cannot be found. There is no such line any more.",
    )


@pytest.mark.parametrize("query", ["", "position=", "position=nonsense"])
def test_a_position_must_be_one_of_a_line(shared_exporter: Exporter, query: str) -> None:
    answer = shared_exporter.api(f"logs/context?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["position"]


def test_the_volume_is_shown_by_time_and_level(exporter: Exporter, log_folder: Path) -> None:
    query = "from=2025-12-22T02:00:00Z&to=2025-12-22T02:00:12Z&buckets=6"
    page = exporter.api(f"logs/histogram?{query}").json()
    assert page["step_seconds"] == 2
    assert page["buckets"][5] == {
        "start": "2025-12-22T02:00:10Z",
        "lines": 2,
        "levels": {"INFO": 1, "WARNING": 1},
        "is_estimate": False,
    }
    assert [each["lines"] for each in page["buckets"]] == [0, 2, 2, 2, 0, 2]
    assert page["not_counted"] == ["errors-20251222T030000Z.tar.gz"]
    clean(exporter)
    page = exporter.api(f"logs/histogram?{query}&log=errors").json()
    assert (page["not_counted"], sum(each["lines"] for each in page["buckets"])) == ([], 2)


def test_the_volume_of_the_last_day_is_shown_by_default(shared_logs: Exporter) -> None:
    page = shared_logs.api("logs/histogram").json()
    assert (page["step_seconds"], page["not_counted"]) == (1800, [])
    until = shared_logs.api("logs/histogram?to=2025-12-22T02:00:12Z&log=api_calls").json()
    assert until["buckets"][-1]["lines"] == 2
    future = shared_logs.api("logs/histogram?from=2999-01-01")
    assert [error["field"] for error in future.json()["errors"]] == ["to"]


def test_the_values_of_lines_are_counted(shared_logs: Exporter) -> None:
    page = shared_logs.api("logs/facets?not_text=run+0&values=2").json()
    assert (page["lines"], page["is_complete"], page["bytes_left"]) == (9, True, 0)
    assert page["facets"]["log"] == [
        {"value": "errors", "lines": 7},
        {"value": "api_calls", "lines": 2},
    ]
    assert len(page["facets"]["task_id"]) == 2


def test_a_page_says_how_far_the_search_has_come(shared_logs: Exporter) -> None:
    page = search(shared_logs, "limit=3&log=errors")
    assert page["searched_to"] == "2025-12-22T02:00:04Z"  # of the next line, which waits
    assert page["bytes_left"] > 0
    page = search(shared_logs, "log=errors")
    assert (page["searched_to"], page["bytes_left"], page["next"]) == (None, 0, None)


def test_a_page_whose_archive_was_deleted_says_so(exporter: Exporter, log_folder: Path) -> None:
    page = search(exporter, "limit=7&log=errors")
    (archive,) = (log_folder / "archive").glob("*.tar.gz")
    archive.unlink()
    page = search(exporter, f"log=errors&cursor={page['next']}")
    assert (page["items"], page["next"]) == ([], None)
    assert page["problems"] == [f"{archive.name} was deleted before it was searched to its end"]


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("text=timeout", 8),
        ("regex=run+%5B0-3%5D%22", 4),
        ("log=errors,api_calls", 10),
        ("log=progress", 0),
        ("level=WARNING", 1),
        ("level=warning", 1),
        ("level=info,warning", 10),
        ("not_level=info", 1),
        ("not_text=timeout", 2),
        ("not_regex=run+%5B0-3%5D%22", 6),
        ("not_user_id=42", 1),
        ("not_course_id=7,8", 1),
        ("not_task_id=run+3", 9),
        ("not_trace_id=" + "4b" * 16, 1),
        ("not_status=404,200", 8),
        ("not_route=/api/v1/courses/:id", 8),
        ("user_id=42&course_id=7", 9),
        ("task_id=run+3", 1),
        ("trace_id=" + "4b" * 16, 9),
        ("status=404", 1),
        ("route=/api/v1/courses/:id", 2),
        ("from=2025-12-22T02:00:06Z", 4),
        ("to=2025-12-22T02:00:06Z", 6),
        ("from=2025-12-22T03:00:06&tz=Europe/Berlin", 4),
        ("from=1h", 0),
        ("since=2025-12-22T02:00:06Z", 4),
        ("until=2025-12-22T02:00:06Z", 6),
    ],
)
def test_each_filter_chooses(shared_logs: Exporter, query: str, lines: int) -> None:
    assert len(search(shared_logs, query)["items"]) == lines


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("regex=(", "regex"),
        ("log=syslog", "log"),
        ("log=", "log"),
        ("level=LOUD", "level"),
        ("level=info,", "level"),
        ("not_level=LOUD", "not_level"),
        ("not_regex=(", "not_regex"),
        ("not_user_id=1,me", "not_user_id"),
        ("not_route=,", "not_route"),
        ("not_status=" + "1," * 50 + "1", "not_status"),
        ("order=random", "order"),
        ("trace_id=4b4b", "trace_id"),
        ("user_id=me", "user_id"),
        ("from=soon", "from"),
        ("since=soon", "since"),
        ("from=2025-12-22&to=2025-12-22", "to"),
        ("to=2h&from=1h", "to"),
        ("from=2h&since=2h", "since"),
        ("tz=Nowhere", "tz"),
        ("text=%ff", "text"),
        ("regex=%c3", "regex"),
        ("%ff=1", "\\xff"),
        ("limit=501", "limit"),
        ("cursor=nonsense", "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(shared_exporter: Exporter, query: str, field: str) -> None:
    answer = shared_exporter.api(f"logs/search?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_wrong_parameter_is_reported_with_what_to_write(shared_exporter: Exporter) -> None:
    def detail(query: str) -> str:
        (error,) = shared_exporter.api(f"logs/search?{query}").json()["errors"]
        return str(error["detail"])

    assert detail("from=2025-12-22T02:00:00Z&to=2025-12-21") == (
        "use a later time than that of from, 2025-12-22T02:00:00Z"
    )
    assert detail("from=2025-12-22T02:00:00+02:00").endswith("the + of a zone is written %2B")
    assert "%2B" not in detail("from=soon")
    assert shared_exporter.api("logs/search?from=2025-12-22T02:00:00%2B02:00").status_code == 200


@pytest.mark.parametrize("path", ["search", "histogram", "facets"])
def test_an_answer_says_that_a_name_is_deprecated(shared_exporter: Exporter, path: str) -> None:
    times = "{}=2025-12-22&{}=2025-12-23"
    former = shared_exporter.api(f"logs/{path}?{times.format('since', 'until')}")
    answer = shared_exporter.api(f"logs/{path}?{times.format('from', 'to')}")
    assert former.headers["Deprecation"].startswith("@")
    assert "Deprecation" not in answer.headers
    assert former.json() == answer.json()


def test_a_search_that_takes_long_is_reported_in_parts(
    exporter: Exporter, log_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_api, "_SECONDS", 0)
    page = search(exporter)
    assert len(page["items"]) < 10
    monkeypatch.undo()
    rest = search(exporter, f"cursor={page['next']}")["items"]
    assert len(page["items"]) + len(rest) == 10


def test_large_lines_make_short_pages(
    exporter: Exporter, log_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_api, "_PAGE_BYTES", 1)
    page = search(exporter)
    assert len(page["items"]) == 1
    assert page["next"]


def test_what_cannot_be_read_is_reported(exporter: Exporter, log_folder: Path) -> None:
    (log_folder / "archive" / "errors-20200101T000000Z.tar.gz").write_bytes(b"no archive")
    (log_folder / "progress.log").write_bytes(b"\xff\x00 garbage\n")
    page = search(exporter)
    assert len(page["items"]) == 10
    assert page["unreadable_lines"] == 1
    assert "errors-20200101T000000Z.tar.gz" in page["problems"][0]


@pytest.mark.parametrize("path", ["logs/search", "logs/tail"])
def test_a_folder_that_cannot_be_read_is_reported(exporter: Exporter, path: str) -> None:
    log_folder = exporter.config.app.log_dir
    exporter.engine.dispose()
    log_folder.rename(log_folder.with_name("moved"))
    answer = exporter.api(path)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert str(log_folder) in answer.json()["detail"]
