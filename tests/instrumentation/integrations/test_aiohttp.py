"""What is aiohttp's own: middlewares that repeat, answers whose content comes later or never."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest

from canvas_sync_core.events import Event, RunEnded
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    instrument_aiohttp,
    uninstrument_aiohttp,
)
from canvas_sync_instrumentation.testing import recorded_events
from support.http_answers import Answer, AnswerServer, answering
from support.log_lines import records_in
from support.recorded_calls import calls_of, events_with

T = TypeVar("T")
UNCLOSED = pytest.mark.filterwarnings("ignore:Unclosed (response|connection):ResourceWarning")
"""aiohttp's complaint of an answer that is forgotten: which of the two depends on what came."""
COURSES = "/api/v1/courses"
REFUSED = Answer(401, body='{"errors":[{"message":"Insufficient scopes on access token."}]}')


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        yield server


@pytest.fixture(name="events")
def _events() -> Iterator[list[Event]]:
    with events_with(instrument_aiohttp, uninstrument_aiohttp) as events:
        yield events


def in_a_session(
    work: Callable[[aiohttp.ClientSession], Awaitable[T]],
    middlewares: tuple[aiohttp.ClientMiddlewareType, ...] = (),
) -> T:
    async def whole() -> T:
        async with aiohttp.ClientSession(middlewares=middlewares) as session:
            return await work(session)

    return asyncio.run(whole())


async def patiently(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    response = await handler(request)
    while response.status >= 429:
        response.release()
        response = await handler(request)
    return response


def test_each_attempt_of_a_middleware_is_a_request_with_its_status(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(429), Answer(503), Answer()]

    async def ask(session: aiohttp.ClientSession) -> None:
        with CanvasSyncMetricsTracker("t", 42):
            async with session.get(f"{server.url}{COURSES}") as response:
                assert await response.text() == "[]"

    in_a_session(ask, (patiently,))
    calls = calls_of(events)
    assert [(call.status_code, call.retries) for call in calls] == [(429, 0), (503, 1), (200, 1)]


def test_a_session_made_before_the_hook_is_seen(server: AnswerServer) -> None:
    server.answers[COURSES] = [Answer()]

    async def ask(session: aiohttp.ClientSession) -> None:
        with recorded_events() as events:
            instrument_aiohttp()
            try:
                async with session.get(f"{server.url}{COURSES}") as response:
                    await response.read()
            finally:
                uninstrument_aiohttp()
            assert [call.status_code for call in calls_of(events)] == [200]

    in_a_session(ask)


def test_a_refusal_is_recorded_with_its_cause_when_its_content_is_read(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [REFUSED]

    async def ask(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{server.url}{COURSES}") as response:
            assert calls_of(events) == []
            await response.json(content_type=None)
            assert [call.auth_failure for call in calls_of(events)] == ["insufficient_scope"]

    in_a_session(ask)
    assert len(calls_of(events)) == 1


def test_a_refusal_that_is_read_after_its_run_belongs_to_the_run(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [REFUSED]

    async def ask(session: aiohttp.ClientSession) -> None:
        with CanvasSyncMetricsTracker("t", 42):
            response = await session.get(f"{server.url}{COURSES}")
        await response.read()

    in_a_session(ask)
    assert [call.status_code for call in calls_of(events)] == [401]
    (ended,) = [event for event in events if isinstance(event, RunEnded)]
    assert (ended.snapshot.api_calls, ended.snapshot.api_failed) == (1, 1)


@UNCLOSED
def test_a_refusal_that_is_forgotten_after_its_loop_is_recorded_with_the_next_call(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [REFUSED, Answer()]

    async def ask(session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        return await session.get(f"{server.url}{COURSES}")

    async def ask_and_read(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{server.url}{COURSES}") as response:
            await response.read()

    response = in_a_session(ask)
    del response
    gc.collect()
    in_a_session(ask_and_read)
    assert [call.status_code for call in calls_of(events)] == [401, 200]


@pytest.mark.parametrize("keep", ["", "response = "], ids=["forgotten", "kept"])
def test_a_refusal_that_nobody_read_when_the_program_ends_is_recorded(
    server: AnswerServer, tmp_path: Path, keep: str
) -> None:
    server.answers[COURSES] = [REFUSED]
    code = f"""
import aiohttp, asyncio, sys
from canvas_sync_instrumentation import instrument_aiohttp
instrument_aiohttp()
async def ask():
    async with aiohttp.ClientSession() as session:
        return await session.get(sys.argv[1])
{keep}asyncio.run(ask())
"""
    subprocess.run(
        [sys.executable, "-c", code, f"{server.url}{COURSES}"],
        env={**os.environ, "CANVAS_SYNC_LOG_DIR": str(tmp_path)},
        check=True,
    )
    assert [call["status_code"] for call in records_in(tmp_path / "api_calls.log")] == [401]


def test_a_refusal_that_nobody_reads_is_recorded_when_it_is_released(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [REFUSED]

    async def ask(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{server.url}{COURSES}"):
            pass

    in_a_session(ask)
    assert [call.status_code for call in calls_of(events)] == [401]


@UNCLOSED
def test_a_refusal_that_is_forgotten_is_still_recorded(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [REFUSED]

    async def ask(session: aiohttp.ClientSession) -> None:
        response = await session.get(f"{server.url}{COURSES}")
        del response
        while not calls_of(events):
            gc.collect()
            await asyncio.sleep(0.01)
        assert [call.status_code for call in calls_of(events)] == [401]

    in_a_session(ask)


def test_a_call_repeats_a_failed_one_even_while_that_one_is_still_held(
    server: AnswerServer, events: list[Event]
) -> None:
    throttled = {"Content-Type": "text/plain"}
    server.answers[COURSES] = [Answer(503), Answer(403, throttled, "Rate Limit Exceeded"), Answer()]

    async def ask(session: aiohttp.ClientSession) -> None:
        with CanvasSyncMetricsTracker("t", 42):
            responses = [await session.get(f"{server.url}{COURSES}") for _ in range(3)]
        assert [response.status for response in responses] == [503, 403, 200]
        for response in responses:
            response.close()

    in_a_session(ask)
    assert {call.status_code: call.retries for call in calls_of(events)} == {503: 0, 403: 1, 200: 1}


JSON = {"Content-Type": "application/json; charset=utf-8"}


def test_a_list_is_recorded_with_its_items_when_it_is_read(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers[COURSES] = [Answer(headers=JSON, body="[1, 2, 3]")]

    async def ask(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{server.url}{COURSES}") as response:
            assert calls_of(events) == []
            assert await response.json() == [1, 2, 3]
            assert [call.received_items for call in calls_of(events)] == [3]

    in_a_session(ask)
    assert len(calls_of(events)) == 1


@pytest.mark.parametrize(("status", "expected"), [(200, "connection"), (401, "401")])
def test_a_connection_that_breaks_within_the_content_is_a_failure_as_for_other_clients(
    events: list[Event], status: int, expected: str
) -> None:
    head = (
        f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n["
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode())
        writer.close()

    async def ask(session: aiohttp.ClientSession) -> None:
        server = await asyncio.start_server(answer, "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        async with server, session.get(f"http://127.0.0.1:{port}{COURSES}") as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()

    in_a_session(ask)
    (call,) = calls_of(events)
    assert (call.outcome, call.failed) == (expected, True)


def test_a_stream_is_left_for_its_reader(server: AnswerServer, events: list[Event]) -> None:
    server.answers[COURSES] = [Answer(headers=JSON, body="[1, 2, 3]")]
    server.answers["/api/v1/files/7"] = [Answer(body="x" * 100_000)]

    async def ask(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{server.url}{COURSES}") as response:
            parts = [part async for part in response.content.iter_chunked(2)]
            assert b"".join(parts) == b"[1, 2, 3]"
        async with session.get(f"{server.url}/api/v1/files/7") as response:
            assert calls_of(events)[-1].received_bytes == 100_000  # recorded before it is read
            assert len(await response.content.read()) == 100_000

    in_a_session(ask)
    first, second = calls_of(events)
    assert (first.received_items, first.received_bytes) == (None, 9)  # Content-Length
    assert second.received_items is None


def test_pages_requested_before_the_previous_one_was_read_are_not_a_truncated_list(
    server: AnswerServer, events: list[Event]
) -> None:
    second = f"{server.url}{COURSES}?page=2"
    link = {"Link": f'<{second}>; rel="next"'}
    server.answers[COURSES] = [
        Answer(headers={**JSON, **link}, body="[1]"),
        Answer(headers={**JSON, "Link": f'<{second}>; rel="last"'}, body="[2, 3]"),
    ]

    async def ask(session: aiohttp.ClientSession) -> None:
        with CanvasSyncMetricsTracker("t", 42):
            async with (
                session.get(f"{server.url}{COURSES}") as one,
                session.get(str(one.links["next"]["url"])) as other,
            ):
                assert await other.json() == [2, 3]
                assert await one.json() == [1]

    in_a_session(ask)
    (ended,) = [event for event in events if isinstance(event, RunEnded)]
    snapshot = ended.snapshot
    assert (snapshot.api_calls, snapshot.api_items, snapshot.api_truncated) == (2, 3, 0)


def test_raise_for_status_keeps_the_status(server: AnswerServer, events: list[Event]) -> None:
    server.answers[COURSES] = [Answer(404)]

    async def ask(session: aiohttp.ClientSession) -> None:
        with pytest.raises(aiohttp.ClientResponseError):
            await session.get(f"{server.url}{COURSES}", raise_for_status=True)

    in_a_session(ask)
    assert [call.status_code for call in calls_of(events)] == [404]


def test_a_call_that_is_cancelled_counts_as_such(server: AnswerServer, events: list[Event]) -> None:
    server.answers[COURSES] = [Answer(hang=True)]

    async def give_up(session: aiohttp.ClientSession) -> None:
        async def ask() -> None:
            async with session.get(f"{server.url}{COURSES}"):
                pass

        task = asyncio.create_task(ask())
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    in_a_session(give_up)
    (call,) = calls_of(events)
    assert (call.status_code, call.outcome) == (None, "cancelled")
