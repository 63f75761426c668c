"""What each HTTP client's hook does alike, with the real library against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

from canvas_sync_core.canvas.tokens import token_hash
from canvas_sync_core.events import ErrorRecorded, Event, RunEnded
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, ThrottleGuard, shutdown
from canvas_sync_instrumentation.call_recorder import Recorder
from canvas_sync_instrumentation.monitor import configure, get_monitor
from canvas_sync_instrumentation.testing import recorded_events
from canvas_sync_instrumentation.throttle import GuardedRequest
from support.every_client import (
    COURSES,
    client,
    events,
    fresh_answers,
    instrumented,
    server,
)
from support.http_answers import Answer, AnswerServer, answering
from support.http_clients import HttpClient, Reply
from support.recorded_calls import calls_of

__all__ = ["client", "events", "fresh_answers", "server"]

GRAPHQL = "/api/graphql"


def test_a_canvas_call_is_recorded_with_what_canvas_said(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    began = time.monotonic()
    with CanvasSyncMetricsTracker("seen", 42):
        assert client.get(f"{server.url}{COURSES}?search_term=Jane") == Reply(200, "[]")
    (call,) = calls_of(events)
    assert (call.method, call.route, call.path) == ("GET", COURSES, COURSES)
    assert (call.status_code, call.cost, call.retries) == (200, 0.5, 0)
    assert call.context is not None
    assert call.context.task_id == "seen"
    assert 0 < call.duration < time.monotonic() - began
    assert "Jane" not in repr(events)


def test_other_servers_are_not_recorded(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers["/weather"] = [Answer(body="sunny")]
    assert client.get(f"{server.url}/weather").text == "sunny"
    assert events == []


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("//api/v1/courses", COURSES),
        ("/api//v1/courses", COURSES),
        ("/api/v1/courses.json", COURSES),
        ("/api/sis/courses/5/assignments", "/api/sis/courses/:course_id/assignments"),
        ("/canvas/api/v1/courses/5", "/api/v1/courses/:id"),
        ("/canvas/api/graphql", GRAPHQL),
        ("/files/12/download?download_frd=1&verifier=x", "/files/:id/download"),
        ("/courses/5/files/12/download", "/courses/:course_id/files/:id/download"),
        ("/api/v9/something", "other"),
    ],
)
def test_only_the_hosts_of_the_settings_decide(
    client: HttpClient, server: AnswerServer, tmp_path: Path, target: str, route: str
) -> None:
    configure(log_dir=tmp_path, canvas_hosts=("127.0.0.1",))
    client.instrument()
    try:
        client.get(f"{server.url.replace('127.0.0.1', 'localhost')}{COURSES}")
        client.get(f"{server.url}{target}")
    finally:
        client.uninstrument()
        shutdown()
    log = (tmp_path / "api_calls.log").read_text()
    assert [json.loads(line)["route"] for line in log.splitlines()] == [route]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((400, "invalid_request", "refresh_token not found"), "invalid_refresh_token"),
        ((400, "invalid_grant", "authorization_code not found"), "invalid_grant"),
        ((401, "invalid_client", "unknown client"), "invalid_client"),
        ((400, "unsupported_grant_type", "grant_type is not currently supported"), None),
    ],
)
def test_a_token_that_canvas_does_not_renew_has_its_own_reason_of_refusal(
    client: HttpClient,
    server: AnswerServer,
    events: list[Event],
    answer: tuple[int, str, str],
    reason: str | None,
) -> None:
    status, error, description = answer
    body = json.dumps({"error": error, "error_description": description})
    json_type = {"Content-Type": "application/json"}
    server.answers["/login/oauth2/token"] = [Answer(status, json_type, body)]
    client.post(f"{server.url}/login/oauth2/token", {"refresh_token": "s3cret"})
    (call,) = calls_of(events)
    assert (call.auth_failure, call.message) == (reason, description)
    (recorded,) = [event for event in events if isinstance(event, ErrorRecorded)]
    assert recorded.error.error_type == (reason or f"http_{status}")
    assert "s3cret" not in repr(events)


def test_nothing_is_recorded_once_the_hook_is_off(client: HttpClient, server: AnswerServer) -> None:
    with instrumented(client) as events:
        pass
    with recorded_events() as events:
        client.get(f"{server.url}{COURSES}")
    assert events == []


def test_instrumenting_twice_records_once(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    client.instrument()
    client.get(f"{server.url}{COURSES}")
    assert len(calls_of(events)) == 1


def test_what_an_exporter_sends_is_not_a_canvas_call(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        client.get(f"{server.url}{COURSES}")
    finally:
        detach(token)
    assert events == []


def test_redirects_belong_to_the_call_that_follows_them(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers["/api/v1/files/7"] = [Answer(302, {"Location": "/api/v1/files/8"})]
    server.answers["/api/v1/files/8"] = [Answer(307, {"Location": "/elsewhere"})]
    server.answers["/elsewhere"] = [Answer(body="content")]
    assert client.get(f"{server.url}/api/v1/files/7") == Reply(200, "content")
    (call,) = calls_of(events)
    assert (call.path, call.status_code, call.retries) == ("/api/v1/files/7", 200, 0)


def test_a_redirected_call_costs_what_canvas_took_for_all_of_it(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    hop = {"Location": COURSES, "X-Request-Cost": "0.75", "X-Rate-Limit-Remaining": "500"}
    server.answers["/api/v1/courses/old"] = [Answer(302, hop)]
    client.get(f"{server.url}/api/v1/courses/old")
    (call,) = calls_of(events)
    assert (call.cost, call.rate_limit_remaining) == (1.25, None)


def test_the_refusal_of_a_host_to_which_canvas_redirects_is_not_that_of_canvas(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    """Canvas hands files out by a redirect to their store."""
    with answering() as store:
        store.answers["/file"] = [Answer(403, {"X-Request-Cost": "9"}, "<Error>Expired</Error>")]
        hop = {"Location": f"{store.url}/file", "X-Request-Cost": "0.75"}
        server.answers["/api/v1/files/7"] = [Answer(302, hop)]
        client.get(f"{server.url}/api/v1/files/7")
    (call,) = calls_of(events)
    assert (call.status_code, call.auth_failure, call.message) == (403, None, None)
    assert (call.host, call.cost) == (server.url.removeprefix("http://"), 0.75)


def test_a_throttled_call_is_recognised_by_its_text_which_stays_for_the_caller(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    text = "403 Forbidden (Rate Limit Exceeded)"
    server.answers[COURSES] = [Answer(403, {"X-Request-Cost": "1"}, text), Answer()]
    with CanvasSyncMetricsTracker("throttled", 42):
        assert client.get(f"{server.url}{COURSES}") == Reply(403, text)
        client.get(f"{server.url}{COURSES}")
    first, second = calls_of(events)
    assert (first.throttled, second.throttled) == (True, False)
    assert (first.retries, second.retries) == (0, 1)
    assert second.backoff > 0


def test_the_cause_of_a_refusal_is_read_from_its_content(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    body = json.dumps({"errors": [{"message": "Expired access token."}]})
    server.answers[COURSES] = [Answer(401, {"WWW-Authenticate": "Bearer"}, body)]
    assert client.get(f"{server.url}{COURSES}") == Reply(401, body)
    (call,) = calls_of(events)
    assert (call.auth_failure, call.message) == ("expired_token", "Expired access token.")


def _outcome(ask: Callable[[], Reply]) -> tuple[object, ...]:
    try:
        return ("replied", ask())
    except Exception as error:  # noqa: BLE001 - whatever comes is compared
        return (type(error), len(error.args))


@pytest.mark.parametrize(
    ("url", "error_class"), [(None, "timeout"), ("http://127.0.0.1:1", "connection")]
)
def test_a_call_without_an_answer_is_recorded_and_raises_the_same_as_without_the_hook(
    client: HttpClient, server: AnswerServer, url: str | None, error_class: str
) -> None:
    server.answers[COURSES] = [Answer(hang=True)]
    whole = f"{url or server.url}{COURSES}?access_token=abc"
    without = _outcome(lambda: client.get(whole, 0.2))
    with instrumented(client) as events:
        assert _outcome(lambda: client.get(whole, 0.2)) == without
    assert without[0] != "replied"
    (call,) = calls_of(events)
    assert (call.status_code, call.error_class) == (None, error_class)
    assert "abc" not in repr(events)


@pytest.mark.parametrize("url", ["http://", "nothing", "http://[::1/api/v1/courses"])
def test_a_request_that_cannot_be_sent_raises_the_same_as_without_the_hook(
    client: HttpClient, url: str
) -> None:
    without = _outcome(lambda: client.get(url))
    with instrumented(client) as events:
        assert _outcome(lambda: client.get(url)) == without
    assert without[0] != "replied"
    assert events == []


def test_pages_are_matched_whatever_way_the_client_asks_for_them(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    second = f"{server.url}{COURSES}?page=2&per_page=10"
    server.answers[COURSES] = [Answer(headers={"Link": f'<{second}>; rel="next"'}), Answer()]
    with CanvasSyncMetricsTracker("pages", 42):
        client.get(f"{server.url}{COURSES}")
        client.get(second)
    assert [call.is_page for call in calls_of(events)] == [True, False]
    assert not [event for event in events if type(event).__name__ == "ListTruncated"]


def test_a_graphql_call_has_the_name_of_its_operation(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers[GRAPHQL] = [Answer(body='{"data": {"course": null}}')]
    query = "query CourseNames($id: ID!) { course(id: $id) { name } }"
    client.post(f"{server.url}{GRAPHQL}", {"query": query, "variables": {"id": "Jane"}})
    (call,) = calls_of(events)
    assert (call.route, call.graphql_operation, call.failed) == (GRAPHQL, "CourseNames", False)
    assert "Jane" not in repr(events)


def test_another_query_after_one_that_failed_is_not_a_retry(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers[GRAPHQL] = [Answer(503), Answer(), Answer()]
    with CanvasSyncMetricsTracker("graphql", 42):
        for query in ("{ a }", "{ b }", "{ a }"):
            client.post(f"{server.url}{GRAPHQL}", {"query": query})
    assert [call.retries for call in calls_of(events)] == [0, 0, 1]


def test_a_graphql_answer_with_errors_is_a_failure_though_its_status_is_200(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    body = '{"data": null, "errors": [{"message": "No course of Jane"}, {"message": "x"}]}'
    server.answers[GRAPHQL] = [Answer(body=body)]
    with CanvasSyncMetricsTracker("graphql", 42):
        assert client.post(f"{server.url}{GRAPHQL}", {"query": "{ x }"}) == Reply(200, body)
    (call,) = calls_of(events)
    assert (call.status_code, call.graphql_errors, call.error_type) == (200, 2, "graphql")
    (failure,) = (event for event in events if isinstance(event, ErrorRecorded))
    assert (failure.operation, failure.error.error_type) == ("api", "graphql")
    (end,) = (event for event in events if isinstance(event, RunEnded))
    assert (end.snapshot.api_calls, end.snapshot.api_failed) == (1, 1)
    assert "Jane" not in repr(events)


def test_no_trace_context_is_sent_to_canvas(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    with CanvasSyncMetricsTracker("private", 42):
        client.get(f"{server.url}{COURSES}")
    (headers,) = server.headers
    assert not {"traceparent", "tracestate", "baggage"} & {name.lower() for name in headers}


class _NotingGuard(ThrottleGuard):
    """Notes whom it held back."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[str | None] = []

    def acquire(self, token: str | None) -> GuardedRequest:
        self.held.append(token)
        return super().acquire(token)


def test_a_guard_is_asked_once_for_each_call_and_learns_what_is_left(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(headers={"X-Rate-Limit-Remaining": "3.0"})]
    guard, token = _NotingGuard(), token_hash("secret")
    client.instrument(guard=guard)
    client.get(f"{server.url}{COURSES}?access_token=secret")
    assert guard.held == [token]
    assert [call.token for call in calls_of(events)] == [token]
    assert guard.try_begin(token) > 0.0


def test_a_guard_keeps_the_quotas_of_several_canvas_hosts_apart(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(headers={"X-Rate-Limit-Remaining": "3.0"})]
    guard = ThrottleGuard()
    client.instrument(guard=guard)
    client.get(f"{server.url}{COURSES}?access_token=secret")
    with answering() as other:
        client.get(f"{other.url}{COURSES}?access_token=secret")
        hosts = [url.removeprefix("http://") for url in (server.url, other.url)]
    delays = [guard.try_begin(guard.quota_at(host, token_hash("secret"))) for host in hosts]
    assert delays[0] > 0.0
    assert delays[1] == 0.0
    assert len(calls_of(events)) == 2


class _BrokenRecorder(Recorder):
    """Fails at the end of each call, and keeps count."""

    def __init__(self) -> None:
        super().__init__(get_monitor)
        self.failures = 0

    def internal_error(self, error: Exception) -> None:
        assert isinstance(error, RuntimeError)
        self.failures += 1

    def api_call_ended(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("broken")

    api_call_failed = api_call_ended


def test_a_recorder_that_fails_leaves_the_call_alone(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    recorder = _BrokenRecorder()
    client.instrument(recorder=recorder)
    assert client.get(f"{server.url}{COURSES}") == Reply(200, "[]")
    assert _outcome(lambda: client.get("http://127.0.0.1:1/api/v1/courses"))[0] != "replied"
    assert recorder.failures == 2
    assert events == []


def test_a_tracer_provider_that_cannot_be_loaded_leaves_the_call_alone(
    client: HttpClient,
    server: AnswerServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenTelemetry raises StopIteration for a name that no package has."""
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "no_such_provider")
    configure(strict=False)
    with _switched_on(client):
        assert client.get(f"{server.url}{COURSES}") == Reply(200, "[]")


def test_a_changed_folder_of_metrics_is_reported_without_any_run(
    client: HttpClient,
    server: AnswerServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    configure()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with _switched_on(client):
        for _ in range(2):
            client.get(f"{server.url}{COURSES}")
    assert [message for message in caplog.messages if "PROMETHEUS_MULTIPROC_DIR" in message] != []
    assert len(caplog.messages) == 1


@contextmanager
def _switched_on(client: HttpClient) -> Iterator[None]:
    client.instrument()
    try:
        yield
    finally:
        client.uninstrument()


_LIBRARIES = ("aiohttp", "canvasapi", "httpx", "requests", "urllib3")


@pytest.fixture(scope="module")
def refusals() -> dict[str, str]:
    """What each hook raises while its library is missing, in a process that has no hook yet."""
    program = """
import json, sys, traceback
import canvas_sync_instrumentation
refusals = {}
for library in sys.argv[1:]:
    sys.modules[library] = None
    getattr(canvas_sync_instrumentation, f"uninstrument_{library}")()
    try:
        getattr(canvas_sync_instrumentation, f"instrument_{library}")()
    except ImportError:
        refusals[library] = traceback.format_exc()
    del sys.modules[library]
print(json.dumps(refusals))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, *_LIBRARIES], stdout=subprocess.PIPE, check=True
    )
    raised: dict[str, str] = json.loads(ended.stdout)
    return raised


@pytest.mark.parametrize("library", _LIBRARIES)
def test_without_its_library_a_hook_says_what_to_install(
    library: str, refusals: dict[str, str]
) -> None:
    assert f"ImportError: instrument_{library}() needs {library}." in refusals[library]
    assert f"pip install {library}" in refusals[library]
