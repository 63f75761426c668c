"""What is requests' own: response hooks, retries of urllib3, subclasses, streams, uploads."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from canvas_sync_core.events import Event, RunEnded
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.integrations.requests import (
    instrument_requests,
    uninstrument_requests,
)
from canvas_sync_instrumentation.monitor import configure, shutdown
from canvas_sync_instrumentation.outputs.spans import SpanSink, open_pipeline
from canvas_sync_instrumentation.testing import recorded_events
from support.http_answers import Answer, AnswerServer, answering
from support.recorded_calls import calls_of, events_with

ORIGINAL_SEND = requests.Session.send
PATCHED = (requests.Session.request, requests.Session.send, HTTPAdapter.send, Retry.increment)
CODES = [function.__code__ for function in PATCHED]
COURSES = "/api/v1/courses"


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        server.answers[COURSES] = [Answer(headers={"X-Request-Cost": "0.5"})]
        yield server


@pytest.fixture(name="events")
def _events() -> Iterator[list[Event]]:
    with events_with(instrument_requests, uninstrument_requests) as events:
        yield events
    assert requests.Session.send is ORIGINAL_SEND
    assert [function.__code__ for function in PATCHED] == CODES


@pytest.mark.parametrize(
    ("hosts", "count"),
    [((), 1), (("127.0.0.1",), 1), (("HTTP://127.0.0.1/",), 1), (("other.test",), 0)],
)
def test_the_hosts_of_the_settings_decide_what_is_canvas(
    server: AnswerServer, tmp_path: Path, hosts: tuple[str, ...], count: int
) -> None:
    configure(log_dir=tmp_path, canvas_hosts=hosts)
    instrument_requests()
    try:
        requests.get(f"{server.url}{COURSES}", timeout=60)
    finally:
        uninstrument_requests()
        shutdown()
    log = tmp_path / "api_calls.log"
    assert (len(log.read_text().splitlines()) if log.exists() else 0) == count


def test_spans_on_their_way_to_a_collector_are_not_canvas_calls(
    server: AnswerServer, events: list[Event]
) -> None:
    """Prometheus and others take OTLP below ``/api/v1/``."""
    target = "/api/v1/otlp/v1/traces"
    server.answers[target] = [Answer(body="")]
    collector = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{server.url}{target}"}
    sink = SpanSink(open_pipeline(collector, lambda *_: None))
    requests.get(f"{server.url}{COURSES}", timeout=60)
    (call,) = calls_of(events)
    sink.handle(call)
    assert sink.flush(600)
    sink.close(30)
    assert ("POST", target) in server.requests
    assert calls_of(events) == [call]


def test_the_history_of_redirects_is_left_to_the_caller(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers["/api/v1/files/7"] = [Answer(302, {"Location": "/api/v1/files/8"})]
    server.answers["/api/v1/files/8"] = [Answer(307, {"Location": "/elsewhere"})]
    server.answers["/elsewhere"] = [Answer(body="content")]
    response = requests.get(f"{server.url}/api/v1/files/7", timeout=60)
    assert [each.status_code for each in response.history] == [302, 307]
    assert len(calls_of(events)) == 1


def test_a_redirect_that_is_not_followed_is_the_answer(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers["/api/v1/files/7"] = [Answer(302, {"Location": "/elsewhere"})]
    requests.get(f"{server.url}/api/v1/files/7", timeout=60, allow_redirects=False)
    assert [call.status_code for call in calls_of(events)] == [302]


def test_a_call_that_a_response_hook_makes_is_a_call_of_its_own(
    server: AnswerServer, events: list[Event]
) -> None:
    """Such as an application that renews its token when it is refused."""
    server.answers["/login/oauth2/token"] = [Answer(body="{}")]
    session = requests.Session()

    def renew(response: requests.Response, *_: Any, **__: Any) -> None:
        if "oauth2" not in str(response.url):
            session.post(f"{server.url}/login/oauth2/token", timeout=60)

    session.hooks["response"] = [renew]
    session.get(f"{server.url}{COURSES}", timeout=60)
    assert [call.route for call in calls_of(events)] == ["/login/oauth2/token", COURSES]


def test_such_a_call_counts_on_its_own_even_if_it_follows_no_redirects(
    server: AnswerServer, events: list[Event]
) -> None:
    session = requests.Session()

    def ask_more(response: requests.Response, *_: Any, **__: Any) -> None:
        if "nested" not in str(response.url):
            nested = f"{server.url}{COURSES}?nested=1"
            session.get(nested, timeout=60, allow_redirects=False)

    session.hooks["response"] = [ask_more]
    session.get(f"{server.url}{COURSES}", timeout=60)
    assert len(calls_of(events)) == 2


def test_a_wrapper_that_hides_ours_does_not_make_it_count_twice(server: AnswerServer) -> None:
    with recorded_events() as events:
        instrument_requests()
        below = requests.Session.send

        def hiding(*args: Any, **kwargs: Any) -> requests.Response:
            return below(*args, **kwargs)

        requests.Session.send = hiding  # type: ignore[method-assign]
        try:
            instrument_requests()
            requests.get(f"{server.url}{COURSES}", timeout=60)
        finally:
            uninstrument_requests()
            requests.Session.send = ORIGINAL_SEND  # type: ignore[method-assign]
    assert len(calls_of(events)) == 1


def retrying(retry: Retry) -> requests.Session:
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=retry))
    return session


def test_each_attempt_of_urllib3_is_a_request_with_its_status_and_the_wait_before_it(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(503, {"X-Request-Cost": "0.25"}), Answer(502), Answer()]
    session = retrying(Retry(3, status_forcelist=[502, 503], backoff_factor=0.05))
    with CanvasSyncMetricsTracker("tries", 42):
        assert session.get(f"{server.url}{COURSES}", timeout=60).status_code == 200
    calls = calls_of(events)
    assert [call.status_code for call in calls] == [503, 502, 200]
    assert [call.retries for call in calls] == [0, 1, 1]
    assert [call.cost for call in calls] == [0.25, None, None]
    assert calls[0].backoff == 0 <= calls[1].backoff < 0.1 <= calls[2].backoff
    assert len(server.requests) == 3
    (end,) = (event for event in events if isinstance(event, RunEnded))
    assert (end.snapshot.api_calls, end.snapshot.api_retried, end.snapshot.api_failed) == (3, 2, 2)


def test_attempts_that_find_no_server_are_requests_too(events: list[Event]) -> None:
    with pytest.raises(requests.ConnectionError):
        retrying(Retry(2)).get(f"http://127.0.0.1:1{COURSES}", timeout=60)
    calls = calls_of(events)
    assert [call.error_class for call in calls] == ["connection"] * 3
    assert [call.retries for call in calls] == [0, 1, 1]


def test_an_attempt_whose_answer_ends_in_an_exception_keeps_its_status(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(429, {"X-Rate-Limit-Remaining": "0.5"})]
    with pytest.raises(requests.exceptions.RetryError):
        retrying(Retry(1, status_forcelist=[429])).get(f"{server.url}{COURSES}", timeout=60)
    calls = calls_of(events)
    assert [(call.status_code, call.throttled) for call in calls] == [(429, True)] * 2
    assert [call.rate_limit_remaining for call in calls] == [0.5, 0.5]


def test_a_retry_class_of_the_app_is_seen(server: AnswerServer, events: list[Event]) -> None:
    class Patient(Retry):
        def increment(self, *args: Any, **kwargs: Any) -> Any:
            return super().increment(*args, **kwargs)

    server.answers[COURSES] = [Answer(503), Answer()]
    session = retrying(Patient(1, status_forcelist=[503]))
    assert session.get(f"{server.url}{COURSES}", timeout=60).status_code == 200
    assert [call.status_code for call in calls_of(events)] == [503, 200]


def test_attempts_of_a_request_outside_canvas_do_not_count_for_the_call_around_it(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers["/weather"] = [Answer(503), Answer()]
    other = retrying(Retry(1, status_forcelist=[503]))
    session = requests.Session()
    session.hooks["response"] = [lambda *_, **__: other.get(f"{server.url}/weather", timeout=60)]
    session.get(f"{server.url}{COURSES}", timeout=60)
    assert len(server.requests) == 3
    assert [call.status_code for call in calls_of(events)] == [200]


def test_a_stream_is_left_for_its_reader(server: AnswerServer, events: list[Event]) -> None:
    """The body of a streamed answer is unknown: the throttled are told by its headers."""
    text = "403 Forbidden (Rate Limit Exceeded)"
    server.answers[COURSES] = [Answer(403, {"Content-Type": "text/plain"}, text)]
    with requests.get(f"{server.url}{COURSES}", timeout=60, stream=True) as response:
        (call,) = calls_of(events)
        assert call.throttled
        assert call.message is None
        assert (call.received_items, call.received_bytes) == (None, len(text))  # Content-Length
        assert b"".join(response.iter_content(4)) == text.encode()


def test_a_subclass_that_sends_by_itself_is_seen(server: AnswerServer, events: list[Event]) -> None:
    class Session(requests.Session):
        def send(self, request: Any, **kwargs: Any) -> requests.Response:
            return super().send(request, **kwargs)

    Session().get(f"{server.url}{COURSES}", timeout=60)
    assert len(calls_of(events)) == 1


def test_another_wrapper_over_ours_stays_and_records_nothing_after_the_end(
    server: AnswerServer, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = requests.Session.send

    @functools.wraps(ours)
    def theirs(self: requests.Session, *args: Any, **kwargs: Any) -> requests.Response:
        return ours(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(requests.Session, "send", theirs)
        uninstrument_requests()
        assert requests.Session.send is theirs
        requests.get(f"{server.url}{COURSES}", timeout=60)
        assert events == []
        instrument_requests()
        requests.get(f"{server.url}{COURSES}", timeout=60)
        assert len(calls_of(events)) == 1


def test_a_body_that_is_uploaded_reaches_the_server_whole(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers["/api/v1/courses/7/files"] = [Answer(201)]
    url = f"{server.url}/api/v1/courses/7/files"
    assert requests.post(url, data=io.BytesIO(b"x" * 100_000), timeout=60).status_code == 201
    assert calls_of(events)[0].method == "POST"


def test_a_call_without_an_answer_names_the_apps_code_and_not_the_hook(events: list[Event]) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:1{COURSES}", timeout=60)
    (call,) = calls_of(events)
    assert call.traceback
    assert call.traceback[-1].startswith(f"{__name__}:test_a_call_without_an_answer")
    assert not any(place.startswith(("requests.", "urllib3.")) for place in call.traceback)
