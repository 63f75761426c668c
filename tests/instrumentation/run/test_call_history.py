"""A run recognizes its retries, and lists that it left early."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from canvas_sync_core.canvas.paging import FIRST_PAGE, PageAddress, address_of
from canvas_sync_instrumentation.run import call_history
from canvas_sync_instrumentation.run.call_history import CallHistory, CallKey
from canvas_sync_instrumentation.run.list_readings import first_items_only

URL = address_of(urlsplit("https://canvas.example.edu/api/v1/courses?page=1"))
NEXT = address_of(urlsplit("https://canvas.example.edu/api/v1/courses?page=2"))


def fail(history: CallHistory, key: CallKey, end: float = 10.0) -> None:
    history.failed(key, end, is_transient=True)


def test_a_call_that_failed_is_retried_once_for_each_failure() -> None:
    history = CallHistory()
    key, waited = history.begin("GET", URL, 9.0)
    assert (key.attempt, waited) == (0, None)
    fail(history, key)
    key, waited = history.begin("GET", URL, 12.5)
    assert (key.attempt, waited) == (1, 2.5)
    fail(history, key, end=13.0)
    key, waited = history.begin("GET", URL, 13.0)
    assert (key.attempt, waited) == (2, 0.0)
    assert history.begin("GET", URL, 14.0)[1] is None, "the failed one was repeated"


@pytest.mark.parametrize(
    ("body", "other"),
    [
        (b"a", b"b"),
        ("a", "b"),
        ({"query": "a"}, {"query": "b"}),
        ([1], [2]),
    ],
)
def test_requests_that_send_other_contents_are_other_calls(body: object, other: object) -> None:
    history = CallHistory()
    fail(history, history.begin("POST", URL, 9.0, body)[0])
    assert history.begin("POST", URL, 11.0, other)[1] is None
    assert history.begin("PUT", URL, 11.0, body)[1] is None
    assert history.begin("POST", URL, 11.0, body)[1] == 1.0


@pytest.mark.parametrize("body", [b"--boundary\r\n", {"a": object()}, {1, 2}, iter("a")])
def test_contents_that_cannot_be_compared_count_as_equal(body: object) -> None:
    history = CallHistory()
    fail(history, history.begin("POST", URL, 9.0, body)[0])
    assert history.begin("POST", URL, 11.0, b"--other\r\n")[1] == 1.0


def test_contents_of_a_list_request_do_not_matter() -> None:
    history = CallHistory()
    fail(history, history.begin("GET", URL, 9.0, b"a")[0])
    assert history.begin("GET", URL, 11.0)[1] == 1.0


def test_only_so_many_failures_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_history, "_LIMIT", 2)
    history = CallHistory()
    courses = [PageAddress(key, FIRST_PAGE) for key in range(3)]
    for course in courses:
        fail(history, history.begin("DELETE", course, 9.0)[0])
    assert [history.begin("DELETE", course, 11.0)[1] for course in courses] == [1.0, 1.0, None]


def answer_with_a_next_page(history: CallHistory, method: str = "GET") -> None:
    key, _ = history.begin(method, URL, 9.0)
    history.answered(key, NEXT, "/api/v1/courses")


def test_a_list_that_was_left_early_is_counted() -> None:
    history = CallHistory()
    answer_with_a_next_page(history)
    assert history.truncated() == {"/api/v1/courses": 1}


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_only_reading_reads_a_list(method: str) -> None:
    history = CallHistory()
    answer_with_a_next_page(history, method)
    assert history.truncated() == {}


def test_a_page_that_was_fetched_outside_the_run_was_not_left() -> None:
    history = CallHistory()
    answer_with_a_next_page(history)
    history.on_outside_request("POST", NEXT)
    assert history.truncated() == {"/api/v1/courses": 1}
    history.on_outside_request("GET", NEXT)
    assert history.truncated() == {}


def test_a_list_that_is_left_on_purpose_is_not_counted() -> None:
    history = CallHistory()
    with first_items_only():
        answer_with_a_next_page(history)
    assert history.truncated() == {}
