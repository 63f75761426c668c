"""The stream of new lines."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from canvas_sync_core.names import Log
from canvas_sync_exporter.web import log_api, log_stream
from canvas_sync_exporter.web.log_stream import CLIENT_LIMIT
from support.log_api import clean, search
from support.log_folders import json_line, lay_out, record

if TYPE_CHECKING:
    from .conftest import Exporter


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
    exporter: Exporter, log_folder: Path
) -> None:
    with closing(Listener(exporter.url, "lines=3&log=errors,progress")) as listener:
        assert listener.answer.headers["Content-Type"] == "text/event-stream"
        assert listener.answer.headers["Cache-Control"] == "no-store"
        assert [listener.record()["task_id"] for _ in range(3)] == ["run 5", "run 6", "run 7"]
        for number in range(3):
            fields = record(Log.PROGRESS, 60 + number)
            with (log_folder / "progress.log").open("ab") as log:
                log.write(json_line(fields))
            if number == 1:
                clean(exporter)
            assert listener.record() == fields


def _write_progress(log_folder: Path, *numbers: int) -> None:
    with (log_folder / "progress.log").open("ab") as log:
        for number in numbers:
            log.write(json_line(record(Log.PROGRESS, 60 + number, task_id=f"run {number}")))


@pytest.mark.parametrize("is_header", [True, False])
def test_a_client_that_reconnects_gets_what_it_missed(
    exporter: Exporter, log_folder: Path, is_header: bool
) -> None:
    with closing(Listener(exporter.url, "lines=1&log=progress,errors")) as listener:
        last = listener.next("id: ").removeprefix("id: ")
        assert listener.record()["task_id"] == "run 7"
    _write_progress(log_folder, 10, 11)
    clean(exporter)
    _write_progress(log_folder, 12)
    again = (
        Listener(exporter.url, "lines=1", **{"Last-Event-ID": last})
        if is_header
        else Listener(exporter.url, f"lines=1&cursor={last}")
    )
    with closing(again):
        assert [again.record()["task_id"] for _ in range(3)] == ["run 10", "run 11", "run 12"]


def test_a_client_is_told_how_many_lines_were_skipped_and_can_load_them(
    exporter: Exporter, log_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Listener(exporter.url, "lines=1&log=progress,errors")) as listener:
        last = listener.next("id: ").removeprefix("id: ")
    _write_progress(log_folder, *range(10, 20))
    monkeypatch.setattr(log_api, "_STREAM_LINES", 4)
    with closing(Listener(exporter.url, f"log=progress,errors&cursor={last}")) as listener:
        assert listener.next("event: ") == "event: skipped"
        skipped = json.loads(listener.next("data: ").removeprefix("data: "))
        assert (skipped["lines"], skipped["is_exact"]) == (6, True)
        assert listener.record()["task_id"] == "run 16"
    page = search(exporter, f"order=oldest&limit=6&cursor={skipped['next']}")
    assert [item["record"]["task_id"] for item in page["items"]] == [
        f"run {number}" for number in range(10, 16)
    ]


def test_the_stream_has_the_filters_of_the_search(exporter: Exporter, log_folder: Path) -> None:
    with closing(Listener(exporter.url, "text=run&not_task_id=run+7&lines=1")) as listener:
        assert listener.record()["task_id"] == "run 6"
        _write_progress(log_folder, 10, 7, 11)
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
    exporter: Exporter, log_folder: Path, monkeypatch: pytest.MonkeyPatch
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


def test_one_client_too_many_is_turned_away_until_another_leaves(
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


def test_a_head_request_takes_no_slot(exporter: Exporter, log_folder: Path) -> None:
    for _ in range(CLIENT_LIMIT + 1):
        answer = exporter.request("HEAD", "/api/canvas/metrics/logs/tail")
        assert answer.status_code == 200
