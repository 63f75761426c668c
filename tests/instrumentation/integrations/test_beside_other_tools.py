"""Tools that wrap the functions we watch can be switched on and off with our hooks in any order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import aiohttp
import celery
import httpx
import pytest
import requests
import sqlalchemy
import urllib3
import wrapt
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from canvas_sync_instrumentation.testing import recording
from support.http_answers import Answer, AnswerServer, answering
from support.http_clients import CLIENTS, WRAPPED

COURSES = "/api/v1/courses"
PLACES: dict[str, tuple[Any, str]] = {
    "requests": (requests.Session, "send"),
    "httpx": (httpx.Client, "send"),
    "httpx-async": (httpx.AsyncClient, "send"),
    "aiohttp": (aiohttp.ClientSession, "_request"),
    "urllib3": (urllib3.HTTPConnectionPool, "urlopen"),
}
OPENTELEMETRY: dict[str, type] = {
    "requests": RequestsInstrumentor,
    "httpx": HTTPXClientInstrumentor,
    "httpx-async": HTTPXClientInstrumentor,
    "aiohttp": AioHttpClientInstrumentor,
    "urllib3": URLLib3Instrumentor,
}
ORDERS = ("OTot", "OTto", "OoTt", "TOot", "TOto", "TtOo")
"""Ours on and off (O, o), theirs on and off (T, t)."""


class Tool:
    """A tool that sees calls while it is on."""

    def __init__(self, name: str) -> None:
        self.owner, self.attribute = PLACES[name]
        self.seen = 0

    def on(self) -> None:
        raise NotImplementedError

    def off(self) -> None:
        raise NotImplementedError

    def count(self) -> int:
        return self.seen


class Plain(Tool):
    """Replaces the function by one that says nothing of it, and puts back what was there."""

    def on(self) -> None:
        self.before = before = getattr(self.owner, self.attribute)

        def theirs(*args: Any, **kwargs: Any) -> Any:
            self.seen += 1
            return before(*args, **kwargs)

        setattr(self.owner, self.attribute, theirs)

    def off(self) -> None:
        setattr(self.owner, self.attribute, self.before)


class Marked(Tool):
    """Knows its wrapper by a mark, and puts back what that one wraps."""

    def on(self) -> None:
        before = getattr(self.owner, self.attribute)

        @functools.wraps(before)
        def theirs(*args: Any, **kwargs: Any) -> Any:
            self.seen += 1
            return before(*args, **kwargs)

        theirs.__dict__["theirs"] = True
        setattr(self.owner, self.attribute, theirs)

    def off(self) -> None:
        current = getattr(self.owner, self.attribute)
        assert getattr(current, "theirs", False)
        setattr(self.owner, self.attribute, current.__wrapped__)


class Wrapt(Tool):
    """As ddtrace does and OpenTelemetry's hook of urllib3."""

    def on(self) -> None:
        def theirs(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
            self.seen += 1
            return wrapped(*args, **kwargs)

        wrapt.wrap_function_wrapper(self.owner, self.attribute, theirs)

    def off(self) -> None:
        current = vars(self.owner)[self.attribute]
        assert isinstance(current, wrapt.FunctionWrapper)
        setattr(self.owner, self.attribute, current.__wrapped__)


class Patcher(Tool):
    """A test's patch that lets calls through."""

    def on(self) -> None:
        before = getattr(self.owner, self.attribute)

        def theirs(*args: Any, **kwargs: Any) -> Any:
            self.seen += 1
            return before(*args, **kwargs)

        self.patcher = mock.patch.object(self.owner, self.attribute, theirs)
        self.patcher.start()

    def off(self) -> None:
        self.patcher.stop()


class OpenTelemetry(Tool):
    """Its own hooks, which suppress nothing outside a run of ours."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.instrumentor: Any = OPENTELEMETRY[name]()

    def on(self) -> None:
        self.instrumentor.instrument(tracer_provider=self.provider)

    def off(self) -> None:
        self.instrumentor.uninstrument()

    def count(self) -> int:
        return len(self.exporter.get_finished_spans())


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        server.answers[COURSES] = [Answer()]
        yield server


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("tool", [Plain, Marked, Wrapt, Patcher, OpenTelemetry])
@pytest.mark.parametrize("name", CLIENTS)
def test_each_hook_sees_the_calls_that_are_made_while_it_is_on(
    server: AnswerServer,
    name: str,
    tool: Callable[[str], Tool],
    order: str,
    request: pytest.FixtureRequest,
) -> None:
    client, theirs = CLIENTS[name], tool(name)
    request.addfinalizer(client.uninstrument)
    before = _functions()
    switches = {"O": client.instrument, "o": client.uninstrument, "T": theirs.on, "t": theirs.off}
    on: set[str] = set()
    with recording() as recorded:
        for switch in order:
            switches[switch]()
            on = on | {switch} if switch.isupper() else on - {switch.upper()}
            calls, seen = len(recorded.api_calls), theirs.count()
            client.get(f"{server.url}{COURSES}")
            assert len(recorded.api_calls) - calls == ("O" in on)
            assert theirs.count() - seen == ("T" in on)
    assert _functions() == before


def _functions() -> list[Any]:
    functions = [getattr(owner, attribute) for owner, attribute in WRAPPED]
    return [(function, function.__code__) for function in functions]


def test_the_hook_of_sqlalchemy_uses_events_which_do_not_interfere_with_those_of_others() -> None:
    from canvas_sync_instrumentation import instrument_sqlalchemy, uninstrument_sqlalchemy

    engine, seen = sqlalchemy.create_engine("sqlite://"), []

    def theirs(*_: Any) -> None:
        seen.append("statement")

    with recording() as recorded:
        sqlalchemy.event.listen(engine, "before_cursor_execute", theirs)
        instrument_sqlalchemy(engine)
        sqlalchemy.event.remove(engine, "before_cursor_execute", theirs)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE courses (id INTEGER)")
        uninstrument_sqlalchemy(engine)
    engine.dispose()
    assert (len(recorded.db_operations), seen) == (1, [])


def test_the_hook_of_celery_uses_signals_which_do_not_interfere_with_those_of_others() -> None:
    from canvas_sync_instrumentation import canvas_sync_task, instrument_celery, uninstrument_celery

    app, seen = celery.Celery("app", broker="memory://"), []

    def theirs(**_: Any) -> None:
        seen.append("task")

    @app.task  # type: ignore[untyped-decorator]  # Celery has no types
    @canvas_sync_task()
    def nightly() -> None:
        pass

    with recording() as recorded:
        celery.signals.task_prerun.connect(theirs)
        instrument_celery(app)
        celery.signals.task_prerun.disconnect(theirs)
        nightly.apply()
        uninstrument_celery(app)
        nightly.apply()
    assert (len(recorded.runs), seen) == (1, [])
