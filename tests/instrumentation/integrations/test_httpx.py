"""What is httpx's own: transports that repeat, flows of authentication, streams, event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from typing import Any

import httpx
import pytest

from canvas_sync_core.events import Event
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    instrument_httpx,
    uninstrument_httpx,
)
from support.http_answers import Answer, AnswerServer, answering
from support.recorded_calls import calls_of, events_with

COURSES = "/api/v1/courses"


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        yield server


@pytest.fixture(name="events")
def _events() -> Iterator[list[Event]]:
    with events_with(instrument_httpx, uninstrument_httpx) as events:
        yield events


class Patient(httpx.BaseTransport):
    """Repeats what Canvas refused, as transports for retries do."""

    def __init__(self) -> None:
        self._below = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._below.handle_request(request)
        while response.status_code >= 429:
            response.close()
            response = self._below.handle_request(request)
        return response

    def close(self) -> None:
        self._below.close()


class PatientAsync(httpx.AsyncBaseTransport):
    """The same in an event loop."""

    def __init__(self) -> None:
        self._below = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._below.handle_async_request(request)
        while response.status_code >= 429:
            await response.aclose()
            response = await self._below.handle_async_request(request)
        return response

    async def aclose(self) -> None:
        await self._below.aclose()


def test_each_attempt_of_a_transport_is_a_request_with_its_status(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(429), Answer(503), Answer()]
    with httpx.Client(transport=Patient()) as client, CanvasSyncMetricsTracker("t", 42):
        assert client.get(f"{server.url}{COURSES}").status_code == 200
    calls = calls_of(events)
    assert [(call.status_code, call.retries) for call in calls] == [(429, 0), (503, 1), (200, 1)]
    assert all(call.backoff > 0 for call in calls[1:])


def test_each_attempt_of_an_asynchronous_transport_is_a_request_with_its_status(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(429), Answer()]

    async def ask() -> int:
        async with httpx.AsyncClient(transport=PatientAsync()) as client:
            return (await client.get(f"{server.url}{COURSES}")).status_code

    assert asyncio.run(ask()) == 200
    assert [call.status_code for call in calls_of(events)] == [429, 200]


def test_a_token_that_is_renewed_leaves_a_refusal_and_an_answer(
    server: AnswerServer, events: list[Event]
) -> None:
    class Renewing(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, Any, None]:
            response = yield request
            if response.status_code == 401:
                request.headers["Authorization"] = "Bearer renewed"
                yield request

    server.answers[COURSES] = [Answer(401), Answer()]
    with httpx.Client(auth=Renewing()) as client:
        assert client.get(f"{server.url}{COURSES}").status_code == 200
    assert [call.status_code for call in calls_of(events)] == [401, 200]


def test_a_token_that_a_flow_of_authentication_sets_is_known(
    server: AnswerServer, events: list[Event]
) -> None:
    class Bearer(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, Any, None]:
            request.headers["Authorization"] = "Bearer 7~secret"
            yield request

    server.answers[COURSES] = [Answer(), Answer()]
    url = f"{server.url}{COURSES}"
    with httpx.Client(auth=Bearer()) as client:
        client.get(url)
        client.get(url, auth=None, headers={"Authorization": "Bearer 7~secret"})
    first, second = calls_of(events)
    assert first.token == second.token is not None


def test_a_stream_is_left_for_its_reader(server: AnswerServer, events: list[Event]) -> None:
    server.answers[COURSES] = [Answer(body="x" * 100_000)]
    with httpx.Client() as client, client.stream("GET", f"{server.url}{COURSES}") as response:
        (call,) = calls_of(events)
        assert call.status_code == 200
        assert (call.received_items, call.received_bytes) == (None, 100_000)  # Content-Length
        assert sum(map(len, response.iter_bytes())) == 100_000


def test_calls_of_one_loop_keep_apart(server: AnswerServer, events: list[Event]) -> None:
    paths = [f"/api/v1/courses/{number}/pages" for number in range(20)]
    for path in paths:
        server.answers[path] = [Answer()]

    async def sync(number: int, client: httpx.AsyncClient) -> None:
        with CanvasSyncMetricsTracker(f"run {number}", number):
            await client.get(f"{server.url}{paths[number]}")

    async def sync_all() -> None:
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*(sync(number, client) for number in range(20)))

    asyncio.run(sync_all())
    seen = {call.context.task_id: call.path for call in calls_of(events) if call.context}
    assert seen == {f"run {number}": path for number, path in enumerate(paths)}


def test_a_call_that_is_cancelled_counts_as_such(server: AnswerServer, events: list[Event]) -> None:
    server.answers[COURSES] = [Answer(hang=True)]

    async def give_up() -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            task = asyncio.create_task(client.get(f"{server.url}{COURSES}"))
            while not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(give_up())
    (call,) = calls_of(events)
    assert (call.status_code, call.outcome) == (None, "cancelled")


def test_a_transport_without_a_network_is_seen(events: list[Event]) -> None:
    """As apps mount in their tests."""
    transport = httpx.MockTransport(lambda request: httpx.Response(404, json={"errors": []}))
    with httpx.Client(transport=transport) as client:
        assert client.get(f"https://canvas.test{COURSES}").status_code == 404
    assert [call.status_code for call in calls_of(events)] == [404]
