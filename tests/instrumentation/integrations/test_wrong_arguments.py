"""Whatever an app passes to its client library, under our hooks it meets what it met before."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import sqlalchemy
import urllib3
from canvasapi import Canvas
from canvasapi.requester import Requester

from canvas_sync_instrumentation.integrations._installed import (
    instrument_installed,
    uninstrument_all,
)
from canvas_sync_instrumentation.testing import recording
from support.http_answers import Answer, AnswerServer, answering

COURSES = "/api/v1/courses"
URL = f"http://127.0.0.1:1{COURSES}"


class Broken:
    """Has no text, no items, no anything."""

    def __str__(self) -> str:
        raise LookupError("no text")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no {name}")


def _unprepared() -> requests.PreparedRequest:
    return requests.PreparedRequest()


def _without_headers() -> requests.PreparedRequest:
    request = requests.Request("GET", URL).prepare()
    request.headers = None  # type: ignore[assignment]
    return request


Session: Any = requests.Session
Adapter: Any = requests.adapters.HTTPAdapter
Retry: Any = urllib3.Retry
WRONG_REQUESTS: dict[str, Callable[[], Any]] = {
    "a request that is not prepared": lambda: Session().send(requests.Request("GET", URL)),
    "nothing": lambda: Session().send(),
    "no session": Session.send,
    "None": lambda: Session().send(None),
    "text": lambda: Session().send(URL),
    "an empty request": lambda: Session().send(_unprepared()),
    "no headers": lambda: Session().send(_without_headers()),
    "too many": lambda: Session().send(requests.Request("GET", URL).prepare(), 1, 2),
    "an unknown option": lambda: Session().send(requests.Request("GET", URL).prepare(), colour=1),
    "no URL": lambda: requests.get(None, timeout=1),  # type: ignore[arg-type]
    "bytes": lambda: requests.get(b"\xff", timeout=1),
    "a broken URL": lambda: requests.get(Broken(), timeout=1),  # type: ignore[arg-type]
    "no method": lambda: Session().request(),
    "method None": lambda: Session().request(None, URL),
    "a header that is a number": lambda: Session().get(URL, headers={"X": 1}),
    "a timeout in words": lambda: requests.get(URL, timeout="soon"),  # type: ignore[arg-type]
    "a hook that is none": lambda: Session().get(URL, hooks={"response": 5}),
    "an adapter without a request": lambda: Adapter().send(),
    "a retry without anything": Retry.increment,
}
Pool: Any = urllib3.HTTPConnectionPool
WRONG_URLLIB3: dict[str, Callable[[], Any]] = {
    "nothing": lambda: Pool("127.0.0.1", 1).urlopen(),
    "no pool": Pool.urlopen,
    "no URL": lambda: Pool("127.0.0.1", 1).urlopen("GET", None),
    "bytes": lambda: Pool("127.0.0.1", 1).urlopen(b"GET", b"/api/v1/x", retries=False),
    "headers": lambda: Pool("127.0.0.1", 1).urlopen("GET", COURSES, headers=5, retries=False),
    "retries": lambda: Pool("127.0.0.1", 1).urlopen("GET", COURSES, retries="some"),
    "twice": lambda: Pool("127.0.0.1", 1).urlopen("GET", COURSES, method="GET"),
    "a manager": lambda: urllib3.PoolManager().urlopen("GET", 5),  # type: ignore[arg-type]
    "a host": lambda: urllib3.PoolManager().request("GET", "http://[/api/v1/courses"),
    "no method": lambda: urllib3.PoolManager().request(None, URL),  # type: ignore[arg-type]
}
Client: Any = httpx.Client
WRONG_HTTPX: dict[str, Callable[[], Any]] = {
    "text": lambda: Client().send(URL),
    "nothing": lambda: Client().send(),
    "no client": Client.send,
    "None": lambda: Client().send(None),
    "a request of requests": lambda: Client().send(requests.Request("GET", URL).prepare()),
    "an unknown option": lambda: Client().send(httpx.Request("GET", URL), colour=1),
    "a broken URL": lambda: Client().get(Broken()),
    "headers": lambda: Client().get(URL, headers=5),
    "auth": lambda: Client().get(URL, auth=5),
}


async def _with_session(ask: Callable[[Any], Any]) -> Any:
    async with aiohttp.ClientSession() as session:
        return await ask(session)


async def _async_client(request: Any) -> Any:
    async with httpx.AsyncClient() as client:
        return await client.send(request)


async def _no_session() -> Any:
    await aiohttp.ClientSession._request()  # type: ignore[call-arg]


WRONG_ASYNC: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "httpx, text": lambda: _async_client(URL),
    "httpx, None": lambda: _async_client(None),
    "no session": _no_session,
    "nothing": lambda: _with_session(lambda session: session._request()),
    "no URL": lambda: _with_session(lambda session: session.get(None)),
    "a broken URL": lambda: _with_session(lambda session: session.get(Broken())),
    "a number as method": lambda: _with_session(lambda session: session.request(5, URL)),
    "headers": lambda: _with_session(lambda session: session.get(URL, headers=5)),
    "params": lambda: _with_session(lambda session: session.get(URL, params=Broken())),
    "middlewares": lambda: _with_session(lambda session: session.get(URL, middlewares=5)),
    "data and json": lambda: _with_session(lambda session: session.post(URL, data=1, json=2)),
    "an unknown option": lambda: _with_session(lambda session: session.get(URL, colour=1)),
}


def _execute(*arguments: Any, **options: Any) -> Any:
    engine = sqlalchemy.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            return connection.execute(*arguments, **options)
    finally:
        engine.dispose()


WRONG_SQL: dict[str, Callable[[], Any]] = {
    "text": lambda: _execute("SELECT 1"),
    "nothing": _execute,
    "parameters": lambda: _execute(sqlalchemy.text("SELECT :a"), 5),
    "a missing parameter": lambda: _execute(sqlalchemy.text("SELECT :a")),
    "different parameters": lambda: _execute(sqlalchemy.text("SELECT :a"), [{"a": 1}, {"b": 1}]),
    "no SQL": lambda: _execute(sqlalchemy.text("SELEKT")),
    "an object": lambda: _execute(sqlalchemy.text("SELECT :a"), {"a": Broken()}),
}
WRONG_CANVASAPI: dict[str, Callable[[], Any]] = {
    "nothing": lambda: Requester("http://127.0.0.1:1", "token").request(),
    "no requester": Requester.request,
    "a course without an id": lambda: Canvas("http://127.0.0.1:1", "token").get_course(None),
    "a broken token": lambda: Canvas("http://127.0.0.1:1", Broken()).get_course(7),
    "no method": lambda: Requester("http://127.0.0.1:1", "token").request("JUMP", "courses"),
}


@contextmanager
def instrumented() -> Iterator[None]:
    instrument_installed()
    try:
        yield
    finally:
        uninstrument_all()


def _outcome(ask: Callable[[], Any]) -> tuple[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "returned", repr(ask())
        except Exception as error:  # noqa: BLE001 - whatever comes is compared
            return type(error).__name__, re.sub(r"0x[0-9a-f]+|line \d+", "", str(error))


def _run(ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(ask())


CASES: dict[str, Callable[[], Any]] = {
    **{f"requests: {name}": ask for name, ask in WRONG_REQUESTS.items()},
    **{f"urllib3: {name}": ask for name, ask in WRONG_URLLIB3.items()},
    **{f"httpx: {name}": ask for name, ask in WRONG_HTTPX.items()},
    **{f"async: {name}": partial(_run, ask) for name, ask in WRONG_ASYNC.items()},
    **{f"SQLAlchemy: {name}": ask for name, ask in WRONG_SQL.items()},
    **{f"canvasapi: {name}": ask for name, ask in WRONG_CANVASAPI.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_arguments_raise_the_same_as_without_the_hook(case: str) -> None:
    without = _outcome(CASES[case])
    with recording(), instrumented():
        assert _outcome(CASES[case]) == without
    assert without[0] != "returned"


def test_the_library_says_what_is_wrong_with_a_request_that_is_not_prepared() -> None:
    with recording(), instrumented(), pytest.raises(ValueError, match="PreparedRequests"):
        requests.Session().send(requests.Request("GET", URL))  # type: ignore[arg-type]


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        server.answers[COURSES] = [Answer()]
        yield server


def test_headers_that_can_be_read_only_once_are_left_to_the_library(server: AnswerServer) -> None:
    def headers() -> Iterator[tuple[str, str]]:
        yield "X-Trace", "7"

    async def ask() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{server.url}{COURSES}", headers=headers()) as response,
        ):
            await response.read()

    with recording() as recorded, instrumented():
        asyncio.run(ask())
    assert server.headers[0]["X-Trace"] == "7"
    assert len(recorded.api_calls) == 1


def test_a_response_hook_may_turn_a_response_into_any_object(server: AnswerServer) -> None:
    class Own:
        history = ()

        def __init__(self, response: requests.Response) -> None:
            self.raw, self.is_redirect, self.content = response.raw, False, response.content

    def own(response: requests.Response, **_: Any) -> Own:
        return Own(response)

    session = requests.Session()
    session.hooks["response"] = [own]
    with recording() as recorded, instrumented():
        assert isinstance(session.get(f"{server.url}{COURSES}", allow_redirects=False), Own)
    assert [call.status_code for call in recorded.api_calls] == [200]


def test_a_url_object_of_the_app_is_seen(server: AnswerServer) -> None:
    class Address:
        def __str__(self) -> str:
            return f"{server.url}{COURSES}"

    with recording() as recorded, instrumented():
        requests.get(Address(), timeout=60)  # type: ignore[arg-type]
        requests.get(f"{server.url}{COURSES}".encode(), timeout=60)
    assert len(recorded.api_calls) == 2
