"""Answers of a local cache are no API calls: what went over the wire counts, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp_client_cache
import cachecontrol
import hishel
import hishel.httpx
import hishel.requests
import httpx
import pytest
import requests
import requests_cache
from requests.adapters import HTTPAdapter

from canvas_sync_core.canvas.tokens import token_hash
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, ThrottleGuard
from canvas_sync_instrumentation.integrations._installed import (
    instrument_installed,
    uninstrument_all,
)
from canvas_sync_instrumentation.integrations.requests import (
    instrument_requests,
    uninstrument_requests,
)
from canvas_sync_instrumentation.testing import Recording, recording
from support.http_answers import Answer, AnswerServer, answering

COURSES = "/api/v1/courses"
FRESH = {"Cache-Control": "max-age=600", "X-Rate-Limit-Remaining": "700"}
STALE = {"Cache-Control": "max-age=0", "ETag": '"7"', "X-Rate-Limit-Remaining": "700"}
UNCHANGED = {"ETag": '"7"', "X-Rate-Limit-Remaining": "600"}


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        server.answers[COURSES] = [Answer(headers=FRESH)]
        yield server


@pytest.fixture(name="recorded")
def _recorded() -> Iterator[Recording]:
    with recording() as recorded:
        instrument_installed()
        yield recorded
        uninstrument_all()


def ask(session: Any, server: AnswerServer, count: int) -> None:
    for _ in range(count):
        assert session.get(f"{server.url}{COURSES}").status_code == 200


def statuses(recorded: Recording) -> list[tuple[int | None, float | None]]:
    return [(call.status_code, call.rate_limit_remaining) for call in recorded.api_calls]


@pytest.mark.parametrize("end", ["uninstalled", "disabled"])
@pytest.mark.parametrize("cache_first", [True, False], ids=["cache first", "hook first"])
def test_requests_cache_is_seen_through_in_any_order(
    server: AnswerServer, tmp_path: Path, end: str, cache_first: bool
) -> None:
    def install() -> None:
        requests_cache.install_cache(str(tmp_path / "cache"), backend="sqlite")

    switches = [install, instrument_requests] if cache_first else [instrument_requests, install]
    with recording() as recorded:
        for switch in switches:
            switch()
        try:
            ask(requests, server, 3)
            assert (len(server.requests), len(recorded.api_calls)) == (1, 1)
            if end == "disabled":
                with requests_cache.disabled():
                    ask(requests, server, 3)
            else:
                requests_cache.uninstall_cache()
                ask(requests, server, 3)
        finally:
            requests_cache.uninstall_cache()
            uninstrument_requests()
    assert (len(server.requests), len(recorded.api_calls)) == (4, 4)


def test_requests_cache_that_asks_again_counts_the_answer_that_nothing_changed(
    server: AnswerServer, recorded: Recording
) -> None:
    server.answers[COURSES] = [Answer(headers=STALE), Answer(304, UNCHANGED, "")]
    session = requests_cache.CachedSession(backend="memory", cache_control=True)
    ask(session, server, 2)
    assert statuses(recorded) == [(200, 700.0), (304, 600.0)]


def test_requests_cache_that_answers_where_canvas_fails_counts_the_failure(
    server: AnswerServer, recorded: Recording
) -> None:
    server.answers[COURSES] = [Answer(headers=STALE), Answer(503, {}, "{}")]
    session = requests_cache.CachedSession(
        backend="memory", stale_if_error=timedelta(days=1), expire_after=0.01
    )
    ask(session, server, 1)
    ask(session, server, 1)
    assert [status for status, _ in statuses(recorded)] == [200, 503]


SESSIONS: dict[str, Callable[[], Any]] = {
    "CacheControl": lambda: cachecontrol.CacheControl(requests.Session()),
    "hishel": lambda: _mounted(
        hishel.requests.CacheAdapter(
            storage=hishel.SqliteStorage(database_path=":memory:"), rfc=True
        )
    ),
    "an adapter of the app's own": lambda: _mounted(OwnCache()),
}


def _mounted(adapter: HTTPAdapter) -> requests.Session:
    session = requests.Session()
    session.mount("http://", adapter)
    return session


class OwnCache(HTTPAdapter):
    """Says that an answer is from its cache by the attribute that others use."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, requests.Response] = {}

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        url = str(request.url)
        if url not in self.answers:
            self.answers[url] = super().send(request, *args, **kwargs)
            return self.answers[url]
        answer = self.answers[url]
        answer.from_cache = True  # type: ignore[attr-defined]
        return answer


@pytest.mark.parametrize("name", SESSIONS)
def test_a_cache_below_a_session_of_requests_makes_no_calls(
    server: AnswerServer, recorded: Recording, name: str
) -> None:
    with SESSIONS[name]() as session, CanvasSyncMetricsTracker("cached", 42):
        ask(session, server, 3)
    assert len(server.requests) == 1
    assert statuses(recorded) == [(200, 700.0)]
    assert [run.api_calls for run in recorded.runs] == [1]


@pytest.mark.parametrize("name", ["CacheControl", "hishel"])
def test_a_cache_below_a_session_that_asks_again_counts_what_canvas_said(
    server: AnswerServer, recorded: Recording, name: str
) -> None:
    server.answers[COURSES] = [Answer(headers=STALE), Answer(304, UNCHANGED, "")]
    with SESSIONS[name]() as session:
        ask(session, server, 2)
    assert len(server.requests) == 2
    assert statuses(recorded) == [(200, 700.0), (304, 600.0)]


def test_a_redirect_from_a_cache_does_not_count_its_cost_again(
    server: AnswerServer, recorded: Recording
) -> None:
    hop = {"Location": COURSES, "Cache-Control": "max-age=600", "X-Request-Cost": "0.25"}
    server.answers["/api/v1/courses/7"] = [Answer(301, hop)]
    server.answers[COURSES] = [Answer(headers={"X-Request-Cost": "0.5"})]
    with SESSIONS["CacheControl"]() as session:
        for _ in range(2):
            assert session.get(f"{server.url}/api/v1/courses/7").status_code == 200
    assert len(server.requests) == 3
    assert [(call.status_code, call.cost) for call in recorded.api_calls] == [
        (200, 0.75),
        (200, 0.5),
    ]


class OwnTransport(httpx.BaseTransport):
    """A cache of the app's own, which says so by the extension that others use."""

    def __init__(self) -> None:
        self.below = httpx.HTTPTransport()
        self.answers: dict[str, bytes] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if url in self.answers:
            return httpx.Response(
                200, headers=FRESH, content=self.answers[url], extensions={"from_cache": True}
            )
        response = self.below.handle_request(request)
        self.answers[url] = response.read()
        return httpx.Response(200, headers=response.headers, content=self.answers[url])

    def close(self) -> None:
        self.below.close()


TRANSPORTS: dict[str, Callable[[], Any]] = {
    "hishel": lambda: hishel.httpx.CacheTransport(
        httpx.HTTPTransport(),
        storage=hishel.SqliteStorage(database_path=":memory:"),
        rfc=True,
    ),
    "a transport of the app's own": OwnTransport,
}


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_cache_below_httpx_makes_no_calls(
    server: AnswerServer, recorded: Recording, name: str
) -> None:
    with httpx.Client(transport=TRANSPORTS[name]()) as client:
        ask(client, server, 3)
    assert len(server.requests) == 1
    assert statuses(recorded) == [(200, 700.0)]


def test_a_cache_below_httpx_that_asks_again_counts_what_canvas_said(
    server: AnswerServer, recorded: Recording
) -> None:
    server.answers[COURSES] = [Answer(headers=STALE), Answer(304, UNCHANGED, "")]
    with httpx.Client(transport=TRANSPORTS["hishel"]()) as client:
        ask(client, server, 2)
    assert len(server.requests) == 2
    assert statuses(recorded) == [(200, 700.0), (304, 600.0)]


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([Answer(headers=FRESH)], [(200, 700.0)]),
        (
            [Answer(headers=STALE), Answer(304, UNCHANGED, "")],
            [(200, 700.0), (304, 600.0), (304, 600.0)],
        ),
    ],
    ids=["fresh", "asks again"],
)
def test_a_cache_in_a_session_of_aiohttp_is_seen_through(
    server: AnswerServer,
    recorded: Recording,
    answers: list[Answer],
    calls: list[tuple[int, float]],
) -> None:
    async def sync() -> None:
        cache = aiohttp_client_cache.CacheBackend()
        async with aiohttp_client_cache.CachedSession(cache=cache) as session:
            for _ in range(3):
                refresh = {"refresh": True} if len(calls) > 1 else {}
                async with session.get(f"{server.url}{COURSES}", **refresh) as response:
                    assert response.status == 200

    server.answers[COURSES] = answers
    asyncio.run(sync())
    assert statuses(recorded) == calls


def test_a_guard_does_not_learn_from_headers_that_a_cache_has_kept(server: AnswerServer) -> None:
    guard, token = ThrottleGuard(), "secret"
    low: Mapping[str, str] = {**FRESH, "X-Rate-Limit-Remaining": "3.0"}
    server.answers[COURSES] = [Answer(headers=low)]
    headers = {"Authorization": f"Bearer {token}"}
    with cachecontrol.CacheControl(requests.Session()) as session:
        session.get(f"{server.url}{COURSES}", headers=headers)
        with recording():
            instrument_requests(guard=guard)
            session.get(f"{server.url}{COURSES}", headers=headers)
            uninstrument_requests()
    assert len(server.requests) == 1
    assert guard.try_begin(token_hash(token)) == 0.0
