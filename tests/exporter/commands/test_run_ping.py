"""``run --ping-url``: a service hears of the start and the end of a command, and delays neither."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from support.http_answers import Answer, AnswerServer, answering
from support.waiting import wait_until
from support.wrapper import TIMEOUT, end_processes_with, last_run, logged, run, running

KEY = "/0c1b-secret-key"
OK = [Answer(body="OK")]


@pytest.fixture(autouse=True)
def _as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CANVAS_SYNC_STRICT")


@pytest.fixture
def service() -> Iterator[AnswerServer]:
    with answering() as server:
        for word in ("", "/start", "/fail"):
            server.answers[f"{KEY}{word}"] = OK
        yield server
        end_processes_with(server.url)


def paths(service: AnswerServer) -> list[str]:
    return [target for _, target in service.requests]


@pytest.mark.parametrize(("code", "word"), [(0, ""), (3, "/fail")])
def test_start_and_end_are_called(service: AnswerServer, code: int, word: str) -> None:
    done = run("--ping-url", f"{service.url}{KEY}", "--", "sh", "-c", f"exit {code}")
    assert done.returncode == code
    assert paths(service) == [f"{KEY}/start", f"{KEY}{word}"]


def test_nothing_is_printed_on_success(service: AnswerServer) -> None:
    done = run("--ping-url", f"{service.url}{KEY}", "--", "true")
    assert (done.stdout, done.stderr) == ("", "")


def test_the_command_runs_while_the_start_is_being_called(service: AnswerServer) -> None:
    service.answers[f"{KEY}/start"] = [Answer(hang=True)]
    words = ("--ping-url", f"{service.url}{KEY}", "--", "sh", "-c", "echo ready; read line")
    with running(*words, stdin=subprocess.PIPE) as process:
        wait_until(lambda: paths(service) == [f"{KEY}/start"], "the call")
        process.communicate("", TIMEOUT)
    assert process.returncode == 1  # `read` found the end of its input


def test_a_service_that_does_not_answer_delays_the_end_by_a_second_at_most(
    service: AnswerServer,
) -> None:
    for word in ("/start", "", "/fail"):
        service.answers[f"{KEY}{word}"] = [Answer(hang=True)]
    done = run("--ping-url", f"{service.url}{KEY}", "--", "true")
    ended = datetime.fromisoformat(last_run()["timestamp"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # A second, and what a busy machine needs; the calls would take ten times as long.
    assert datetime.now(UTC) - ended < timedelta(seconds=8)


def test_a_failed_call_is_repeated_after_the_wrapper_has_ended(service: AnswerServer) -> None:
    service.answers[f"{KEY}/fail"] = [Answer(503), Answer(503), Answer(body="OK")]
    assert run("--ping-url", f"{service.url}{KEY}", "--", "false").returncode == 1
    expected = [f"{KEY}/start"] + [f"{KEY}/fail"] * 3
    wait_until(lambda: paths(service) == expected, "the third attempt")


def test_a_start_that_cannot_be_reported_does_not_keep_the_end_from_being_reported(
    service: AnswerServer,
) -> None:
    service.answers[f"{KEY}/start"] = [Answer(503)]
    assert run("--ping-url", f"{service.url}{KEY}", "--", "true").returncode == 0
    wait_until(lambda: paths(service)[-1] == KEY, "the end")


def test_a_refused_url_is_reported_without_the_key(service: AnswerServer) -> None:
    service.answers[KEY] = [Answer(404)]
    done = run("--ping-url", f"{service.url}{KEY}", "--", "true")
    assert done.returncode == 0
    assert done.stderr == (
        "canvas-sync-monitor: the ping URL cannot be called: it responded with 404. "
        "Correct --ping-url.\n"
    )
    wait_until(lambda: logged("errors"), "the record")
    (error,) = logged("errors")
    assert (error["operation"], error["error_type"]) == ("ping", "PingFailed")
    assert error["task_id"] == last_run()["task_id"]
    assert "secret" not in str(error)


def test_a_killed_command_is_reported_as_failed(service: AnswerServer) -> None:
    done = run("--ping-url", f"{service.url}{KEY}", "--", "sh", "-c", "kill -KILL $$")
    assert done.returncode == 128 + signal.SIGKILL
    assert paths(service)[-1] == f"{KEY}/fail"


def test_nothing_is_called_where_the_job_is_already_running(service: AnswerServer) -> None:
    job = ("--no-overlap", "--", "sh", "-c", "echo ready; read line")
    with running(*job, stdin=subprocess.PIPE) as first:
        second = run("--ping-url", f"{service.url}{KEY}", *job)
        assert second.returncode == 75
        first.communicate("\n", TIMEOUT)
    assert paths(service) == []


@pytest.mark.parametrize(
    "url", ["hc-ping.com/secret", "ftp://secret/", "http://[secret", "http://a:secret/"]
)
def test_a_url_that_cannot_be_called_is_wrong_usage(url: str) -> None:
    done = run("--ping-url", url, "--", "echo", "started")
    assert (done.returncode, done.stdout) == (2, "")
    assert "write a URL that begins with https:// or http://" in done.stderr
    assert "secret" not in done.stderr.replace(f"--ping-url {url}", "")


def test_the_command_does_not_get_the_url(service: AnswerServer) -> None:
    done = run("--ping-url", f"{service.url}{KEY}", "--", "env")
    assert "secret" not in done.stdout
