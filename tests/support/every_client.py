"""Each HTTP client with its hook, beside a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from canvas_sync_core.events import Event
from support.http_answers import Answer, AnswerServer, answering
from support.http_clients import CLIENTS, WRAPPED, HttpClient
from support.recorded_calls import events_with

__all__ = ["COURSES", "client", "events", "fresh_answers", "instrumented", "methods", "server"]

COURSES = "/api/v1/courses"


def methods() -> list[Any]:
    functions = [getattr(owner, name) for owner, name in WRAPPED]
    return [(function, function.__code__, vars(function)) for function in functions]


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> HttpClient:
    return CLIENTS[request.param]


@pytest.fixture(scope="module")
def server() -> Iterator[AnswerServer]:
    with answering() as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_answers(server: AnswerServer) -> None:
    server.requests.clear()
    server.headers.clear()
    server.answers.clear()
    server.answers[COURSES] = [Answer(headers={"X-Request-Cost": "0.5"})]


@contextmanager
def instrumented(client: HttpClient) -> Iterator[list[Event]]:
    before = methods()
    with events_with(client.instrument, client.uninstrument) as events:
        yield events
    assert methods() == before


@pytest.fixture
def events(client: HttpClient) -> Iterator[list[Event]]:
    with instrumented(client) as events:
        yield events
