"""What each HTTP client's hook reads from an answer: items, bytes and the clock of Canvas."""

from __future__ import annotations

import email.utils
import gzip
import json
import time

import pytest

from canvas_sync_core.events import Event, RunEnded
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from support.every_client import (
    COURSES,
    client,
    events,
    fresh_answers,
    server,
)
from support.http_answers import Answer, AnswerServer, answering
from support.http_clients import HttpClient, Reply
from support.recorded_calls import calls_of

__all__ = ["client", "events", "fresh_answers", "server"]

OLD_DATE = "Mon, 22 Dec 2025 10:15:30 GMT"


@pytest.mark.parametrize(
    ("body", "items"),
    [
        ("[]", 0),
        (json.dumps([{"id": number, "name": 'a ], [ "b"'} for number in range(37)]), 37),
        (json.dumps({"id": 7, "enrollments": [1, 2, 3]}), None),
        ("", None),
    ],
    ids=["empty list", "list", "object", "empty"],
)
def test_an_answer_counts_with_the_items_and_bytes_that_it_brings(
    client: HttpClient, server: AnswerServer, events: list[Event], body: str, items: int | None
) -> None:
    server.answers[COURSES] = [Answer(headers={"Content-Type": "application/json"}, body=body)]
    with CanvasSyncMetricsTracker("received", 42):
        for _ in range(2):
            assert client.get(f"{server.url}{COURSES}") == Reply(200, body)
    call, _ = calls_of(events)
    assert (call.received_items, call.received_bytes) == (items, len(body))
    (end,) = [event for event in events if isinstance(event, RunEnded)]
    whole = None if items is None else 2 * items
    assert (end.snapshot.api_items, end.snapshot.api_bytes) == (whole, 2 * len(body))


def test_compressed_content_counts_without_compression(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    body = json.dumps([{"id": number} for number in range(100)])
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    sent = gzip.compress(body.encode())
    server.answers[COURSES] = [Answer(headers=headers, body=sent)]
    client.get(f"{server.url}{COURSES}")
    (call,) = calls_of(events)
    assert (call.received_items, call.received_bytes) == (100, len(body))
    assert call.transferred_bytes == len(sent)


def test_an_answer_without_content_has_no_bytes_whatever_its_length_says(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(body=json.dumps(list(range(50))))]
    assert client.ask("HEAD", f"{server.url}{COURSES}", 60.0, None) == Reply(200, "")
    (call,) = calls_of(events)
    assert (call.received_items, call.received_bytes, call.transferred_bytes) == (None, 0, 0)


def test_a_failure_counts_with_its_bytes_and_no_item(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(404, body='[{"message":"gone"}]')]
    client.get(f"{server.url}{COURSES}")
    (call,) = calls_of(events)
    assert (call.received_items, call.received_bytes) == (None, 20)


def test_a_file_from_another_host_is_not_a_list_but_has_its_bytes(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    with answering() as store:
        store.answers["/file"] = [Answer(headers={"Date": OLD_DATE}, body="[1, 2]")]
        server.answers["/api/v1/files/7"] = [Answer(302, {"Location": f"{store.url}/file"})]
        client.get(f"{server.url}/api/v1/files/7")
    (call,) = calls_of(events)
    assert (call.received_items, call.received_bytes) == (None, 6)
    assert call.clock_skew is None


def test_the_clock_of_canvas_is_compared_with_ours(
    client: HttpClient, server: AnswerServer, events: list[Event]
) -> None:
    ahead = email.utils.formatdate(time.time() + 7200, usegmt=True)
    cached = {"Date": OLD_DATE, "Age": "60"}
    server.answers[COURSES] = [Answer(), Answer(headers={"Date": ahead}), Answer(headers=cached)]
    with CanvasSyncMetricsTracker("clock", 42):
        for _ in range(3):
            client.get(f"{server.url}{COURSES}")
    right, behind, unknown = (call.clock_skew for call in calls_of(events))
    assert (right, unknown) == (0.0, None)
    assert behind == pytest.approx(-7200, abs=60)
    (end,) = [event for event in events if isinstance(event, RunEnded)]
    assert end.snapshot.clock_skew == behind
