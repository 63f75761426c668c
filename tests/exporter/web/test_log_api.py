"""Lines of the logs over real HTTP: searched, and streamed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.retention import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.retention_settings import make_retention_settings
from canvas_sync_exporter.web import log_api, log_stream
from canvas_sync_exporter.web.log_stream import CLIENT_LIMIT
from support.log_folders import json_line, lay_out, record, text_line

if TYPE_CHECKING:
    from .conftest import Exporter


@pytest.fixture
def folder(exporter: Exporter) -> Path:
    """The exporter's log folder with lines in all places and both formats."""
    folder = exporter.config.app.log_dir
    errors = [record(Log.ERRORS, second, task_id=f"run {second}") for second in range(8)]
    files = [[json_line(each) for each in errors[start : start + 2]] for start in (0, 2, 4, 6)]
    lay_out(folder, Log.ERRORS, files, 1)
    calls = [record(Log.API_CALLS, 10, status_code=404), record(Log.API_CALLS, 11)]
    lay_out(folder, Log.API_CALLS, [[text_line(calls[0]), json_line(calls[1])]], 0)
    return folder


def _search(exporter: Exporter, query: str = "") -> dict[str, Any]:
    answer = exporter.api(f"logs/search?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_line_is_shown_whole(exporter: Exporter, folder: Path) -> None:
    page = _search(exporter, "log=errors&limit=1")
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


def _clean(exporter: Exporter) -> None:
    kept = replace(make_retention_settings(exporter.config), archive_days=36500)
    assert cleanup_canvas_sync_logs(kept).errors == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("limit", [1, 3, 500])
def test_the_pages_give_every_line_once_though_a_cleanup_runs_between(
    exporter: Exporter, folder: Path, limit: int, order: str
) -> None:
    whole = [item["record"] for item in _search(exporter, f"limit=500&order={order}")["items"]]
    assert len(whole) == 10
    found, cursor = [], ""
    while True:
        page = _search(exporter, f"limit={limit}&order={order}{cursor}")
        found += [item["record"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
        _clean(exporter)
    assert found == whole


def test_a_line_is_shown_among_those_around_it_by_its_position(
    exporter: Exporter, folder: Path
) -> None:
    position = _search(exporter, "text=run+3")["items"][0]["position"]
    for _ in range(2):
        answer = exporter.api(f"logs/context?position={position}&before=2&after=5&level=info")
        assert answer.status_code == 200
        page = answer.json()
        shown = [line["record"]["task_id"] for line in page["before"] + page["after"]]
        assert shown == ["run 1", "run 2", "run 4", "run 5", "run 6", "run 7", "nightly-42"]
        assert page["line"]["record"]["task_id"] == "run 3"
        assert (page["is_complete"], page["problems"]) == (True, [])
        _clean(exporter)


def test_the_position_of_a_deleted_line_is_gone(exporter: Exporter, folder: Path) -> None:
    _clean(exporter)
    position = _search(exporter, "text=run+0")["items"][0]["position"]
    for archive in (folder / "archive").glob("errors-*.tar.gz"):
        archive.unlink()
    answer = exporter.api(f"logs/context?position={position}")
    assert answer.status_code == 410
    assert answer.json()["detail"] == (
        "The line at this position has been deleted. The log errors now begins after it."
    )


def test_the_position_of_a_changed_line_is_not_found(exporter: Exporter, folder: Path) -> None:
    position = _search(exporter, "text=run+7")["items"][0]["position"]
    live = folder / "errors.log"
    live.write_bytes(live.read_bytes().replace(b"run 7", b"run X"))
    answer = exporter.api(f"logs/context?position={position}")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "The line at this position cannot be found. There is no such line any more.",
    )


@pytest.mark.parametrize("query", ["", "position=", "position=nonsense"])
def test_a_position_must_be_one_of_a_line(exporter: Exporter, query: str) -> None:
    answer = exporter.api(f"logs/context?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["position"]


def test_the_volume_is_shown_by_time_and_level(exporter: Exporter, folder: Path) -> None:
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
    _clean(exporter)
    page = exporter.api(f"logs/histogram?{query}&log=errors").json()
    assert (page["not_counted"], sum(each["lines"] for each in page["buckets"])) == ([], 2)


def test_the_volume_of_the_last_day_is_shown_by_default(exporter: Exporter, folder: Path) -> None:
    page = exporter.api("logs/histogram").json()
    assert (page["step_seconds"], page["not_counted"]) == (1800, [])
    until = exporter.api("logs/histogram?to=2025-12-22T02:00:12Z&log=api_calls").json()
    assert until["buckets"][-1]["lines"] == 2
    future = exporter.api("logs/histogram?from=2999-01-01")
    assert [error["field"] for error in future.json()["errors"]] == ["to"]


def test_the_values_of_lines_are_counted(exporter: Exporter, folder: Path) -> None:
    page = exporter.api("logs/facets?not_text=run+0&values=2").json()
    assert (page["lines"], page["is_complete"], page["bytes_left"]) == (9, True, 0)
    assert page["facets"]["log"] == [
        {"value": "errors", "lines": 7},
        {"value": "api_calls", "lines": 2},
    ]
    assert len(page["facets"]["task_id"]) == 2


def test_a_page_says_how_far_the_search_has_come(exporter: Exporter, folder: Path) -> None:
    page = _search(exporter, "limit=3&log=errors")
    assert page["searched_to"] == "2025-12-22T02:00:04Z"  # of the next line, which waits
    assert page["bytes_left"] > 0
    page = _search(exporter, "log=errors")
    assert (page["searched_to"], page["bytes_left"], page["next"]) == (None, 0, None)


def test_a_page_whose_archive_was_deleted_says_so(exporter: Exporter, folder: Path) -> None:
    page = _search(exporter, "limit=7&log=errors")
    (archive,) = (folder / "archive").glob("*.tar.gz")
    archive.unlink()
    page = _search(exporter, f"log=errors&cursor={page['next']}")
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
def test_each_filter_chooses(exporter: Exporter, folder: Path, query: str, lines: int) -> None:
    assert len(_search(exporter, query)["items"]) == lines


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
def test_a_wrong_parameter_is_named(exporter: Exporter, query: str, field: str) -> None:
    answer = exporter.api(f"logs/search?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_wrong_parameter_is_told_with_what_to_write(exporter: Exporter) -> None:
    def detail(query: str) -> str:
        (error,) = exporter.api(f"logs/search?{query}").json()["errors"]
        return str(error["detail"])

    assert detail("from=2025-12-22T02:00:00Z&to=2025-12-21") == (
        "use a later time than that of from, 2025-12-22T02:00:00Z"
    )
    assert detail("from=2025-12-22T02:00:00+02:00").endswith("the + of a zone is written %2B")
    assert "%2B" not in detail("from=soon")
    assert exporter.api("logs/search?from=2025-12-22T02:00:00%2B02:00").status_code == 200


@pytest.mark.parametrize("path", ["search", "histogram", "facets"])
def test_an_answer_says_that_a_name_is_deprecated(exporter: Exporter, path: str) -> None:
    times = "{}=2025-12-22&{}=2025-12-23"
    former = exporter.api(f"logs/{path}?{times.format('since', 'until')}")
    answer = exporter.api(f"logs/{path}?{times.format('from', 'to')}")
    assert former.headers["Deprecation"].startswith("@")
    assert "Deprecation" not in answer.headers
    assert former.json() == answer.json()


def test_a_search_that_takes_long_is_told_in_parts(
    exporter: Exporter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_api, "_SECONDS", 0)
    page = _search(exporter)
    assert len(page["items"]) < 10
    monkeypatch.undo()
    rest = _search(exporter, f"cursor={page['next']}")["items"]
    assert len(page["items"]) + len(rest) == 10


def test_large_lines_make_short_pages(
    exporter: Exporter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_api, "_PAGE_BYTES", 1)
    page = _search(exporter)
    assert len(page["items"]) == 1
    assert page["next"]


def test_what_cannot_be_read_is_told(exporter: Exporter, folder: Path) -> None:
    (folder / "archive" / "errors-20200101T000000Z.tar.gz").write_bytes(b"no archive")
    (folder / "progress.log").write_bytes(b"\xff\x00 garbage\n")
    page = _search(exporter)
    assert len(page["items"]) == 10
    assert page["unreadable_lines"] == 1
    assert "errors-20200101T000000Z.tar.gz" in page["problems"][0]


@pytest.mark.parametrize("path", ["logs/search", "logs/tail"])
def test_a_folder_that_cannot_be_read_is_told(exporter: Exporter, path: str) -> None:
    folder = exporter.config.app.log_dir
    exporter.engine.dispose()
    folder.rename(folder.with_name("moved"))
    answer = exporter.api(path)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert str(folder) in answer.json()["detail"]


class Listener:
    """A client of the stream."""

    def __init__(self, url: str, query: str = "", **headers: str) -> None:
        self.answer = requests.get(
            f"{url}/api/canvas/metrics/logs/tail?{query}", headers=headers, stream=True, timeout=30
        )
        self._lines = self.answer.iter_lines(chunk_size=1, decode_unicode=True)

    def next(self, prefix: str) -> str:
        """Read on to the next line of the stream that begins so."""
        for line in self._lines:
            if line.startswith(prefix):
                found: str = line
                return found
        raise AssertionError("the stream has ended")

    def record(self) -> dict[str, Any]:
        """Read on to the next line of a log."""
        shown: dict[str, Any] = json.loads(self.next("data: ").removeprefix("data: "))["record"]
        return shown

    def close(self) -> None:
        self.answer.close()


def test_the_stream_begins_with_the_newest_lines_and_goes_on(
    exporter: Exporter, folder: Path
) -> None:
    with closing(Listener(exporter.url, "lines=3&log=errors,progress")) as listener:
        assert listener.answer.headers["Content-Type"] == "text/event-stream"
        assert listener.answer.headers["Cache-Control"] == "no-store"
        assert [listener.record()["task_id"] for _ in range(3)] == ["run 5", "run 6", "run 7"]
        for number in range(3):
            fields = record(Log.PROGRESS, 60 + number)
            with (folder / "progress.log").open("ab") as log:
                log.write(json_line(fields))
            if number == 1:
                _clean(exporter)
            assert listener.record() == fields


def _write_progress(folder: Path, *numbers: int) -> None:
    with (folder / "progress.log").open("ab") as log:
        for number in numbers:
            log.write(json_line(record(Log.PROGRESS, 60 + number, task_id=f"run {number}")))


@pytest.mark.parametrize("is_header", [True, False])
def test_a_client_that_reconnects_gets_what_it_missed(
    exporter: Exporter, folder: Path, is_header: bool
) -> None:
    with closing(Listener(exporter.url, "lines=1&log=progress,errors")) as listener:
        last = listener.next("id: ").removeprefix("id: ")
        assert listener.record()["task_id"] == "run 7"
    _write_progress(folder, 10, 11)
    _clean(exporter)
    _write_progress(folder, 12)
    again = (
        Listener(exporter.url, "lines=1", **{"Last-Event-ID": last})
        if is_header
        else Listener(exporter.url, f"lines=1&cursor={last}")
    )
    with closing(again):
        assert [again.record()["task_id"] for _ in range(3)] == ["run 10", "run 11", "run 12"]


def test_a_client_is_told_how_many_lines_were_skipped_and_can_load_them(
    exporter: Exporter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Listener(exporter.url, "lines=1&log=progress,errors")) as listener:
        last = listener.next("id: ").removeprefix("id: ")
    _write_progress(folder, *range(10, 20))
    monkeypatch.setattr(log_api, "_STREAM_LINES", 4)
    with closing(Listener(exporter.url, f"log=progress,errors&cursor={last}")) as listener:
        assert listener.next("event: ") == "event: skipped"
        skipped = json.loads(listener.next("data: ").removeprefix("data: "))
        assert (skipped["lines"], skipped["is_exact"]) == (6, True)
        assert listener.record()["task_id"] == "run 16"
    page = _search(exporter, f"order=oldest&limit=6&cursor={skipped['next']}")
    assert [item["record"]["task_id"] for item in page["items"]] == [
        f"run {number}" for number in range(10, 16)
    ]


def test_the_stream_has_the_filters_of_the_search(exporter: Exporter, folder: Path) -> None:
    with closing(Listener(exporter.url, "text=run&not_task_id=run+7&lines=1")) as listener:
        assert listener.record()["task_id"] == "run 6"
        _write_progress(folder, 10, 7, 11)
        assert [listener.record()["task_id"] for _ in range(2)] == ["run 10", "run 11"]


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [("cursor=nonsense", {}, "cursor"), ("", {"Last-Event-ID": "nonsense"}, "Last-Event-ID")],
)
def test_a_stream_cannot_go_on_from_anything_else(
    exporter: Exporter, query: str, headers: dict[str, str], field: str
) -> None:
    url = f"{exporter.url}/api/canvas/metrics/logs/tail?{query}"
    answer = requests.get(url, headers=headers, timeout=30)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_quiet_stream_is_kept_alive(
    exporter: Exporter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_stream, "HEARTBEAT_SECONDS", 0.05)
    with closing(Listener(exporter.url, "lines=0")) as listener:
        for _ in range(3):
            assert listener.next(": nothing") == ": nothing new"
            assert listener.next("id: ")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The exporter as its command runs it, and its URL."""
    (tmp_path / "logs").mkdir()
    lay_out(tmp_path / "logs", Log.ERRORS, [[json_line(record(Log.ERRORS, 1))]], 0)
    with subprocess.Popen(
        [sys.executable, "-m", "canvas_sync_exporter.cli", "serve", "--port", "0"],
        env={**os.environ, "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"Serving (\S+)/metrics", line):
                    yield process, found[1]
                    break
        finally:
            process.kill()


def test_a_client_too_many_is_sent_away_until_one_has_gone(
    served: tuple[subprocess.Popen[str], str],
) -> None:
    _, url = served
    with ExitStack() as listening:
        listeners = [listening.enter_context(closing(Listener(url))) for _ in range(CLIENT_LIMIT)]
        for listener in listeners:
            assert listener.record()["log"] == "errors"
        refused = requests.get(f"{url}/api/canvas/metrics/logs/tail", timeout=30)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert requests.get(f"{url}/metrics", timeout=30).status_code == 200
        listeners[0].close()
        while (again := Listener(url)).answer.status_code == 503:  # noticed at its next look
            again.close()
        with closing(again):
            assert again.record()["log"] == "errors"


def test_the_end_of_the_exporter_ends_the_streams(
    served: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = served
    with closing(Listener(url)) as listener:
        assert listener.record()["log"] == "errors"
        process.send_signal(signal.SIGTERM)
        assert process.wait(600) == 0
        with pytest.raises(AssertionError, match="the stream has ended"):
            listener.next("data: ")
    assert process.stderr is not None
    rest = process.stderr.read()
    assert "Stopped." in rest
    assert "still running" not in rest
    assert "Traceback" not in rest


def test_a_head_request_takes_no_place(exporter: Exporter, folder: Path) -> None:
    for _ in range(CLIENT_LIMIT + 1):
        answer = exporter.request("HEAD", "/api/canvas/metrics/logs/tail")
        assert answer.status_code == 200
