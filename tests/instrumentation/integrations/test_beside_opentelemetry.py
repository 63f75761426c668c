"""Beside OpenTelemetry's own hooks a call to Canvas has one span, and others keep theirs.

In whatever order the two are switched on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
import requests
from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.testing import recording
from support.http_answers import Answer, AnswerServer, answering
from support.http_clients import CLIENTS, WRAPPED

COURSES = "/api/v1/courses"
THEIRS: dict[str, tuple[type, ...]] = {
    "requests": (RequestsInstrumentor, URLLib3Instrumentor),
    "httpx": (HTTPXClientInstrumentor,),
    "httpx-async": (HTTPXClientInstrumentor,),
    "aiohttp": (AioHttpClientInstrumentor,),
    "urllib3": (URLLib3Instrumentor,),
}


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = [getattr(owner, name).__code__ for owner, name in WRAPPED]
    yield
    assert [getattr(owner, name).__code__ for owner, name in WRAPPED] == before


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        server.answers[COURSES] = [Answer()]
        server.answers["/weather"] = [Answer()]
        yield server


@pytest.fixture(name="spans")
def _spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Be an app with a tracer provider of its own."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    return exporter


def switched_on(name: str, *, ours_first: bool) -> ExitStack:
    """Switch both on; they are switched off in the same order, which is the harder one."""
    client = CLIENTS[name]
    theirs = [instrumentor() for instrumentor in THEIRS[name]]
    on: list[Callable[..., object]] = [each.instrument for each in theirs]
    off: list[Callable[..., object]] = [each.uninstrument for each in theirs]
    position = 0 if ours_first else len(on)
    on.insert(position, client.instrument)
    off.insert(position, client.uninstrument)
    stack = ExitStack()
    for switch in reversed(off):
        stack.callback(switch)
    for switch in on:
        switch()
    return stack


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_canvas_call_has_one_span_inside_its_step_and_others_have_theirs(
    server: AnswerServer, spans: InMemorySpanExporter, name: str, ours_first: bool
) -> None:
    with (
        recording() as recorded,
        switched_on(name, ours_first=ours_first),
        CanvasSyncMetricsTracker("t", 42) as run,
    ):
        with run.step("courses"):
            CLIENTS[name].get(f"{server.url}{COURSES}")
        CLIENTS[name].get(f"{server.url}/weather")
    assert len(recorded.api_calls) == 1
    by_id = {span.context.span_id: span for span in spans.get_finished_spans()}
    canvas = [span for span in by_id.values() if COURSES in span.name]
    assert [span.name for span in canvas] == [f"GET {COURSES}"]
    assert parents(canvas[0], by_id) == ["canvas.sync.step", "canvas.sync"]
    others = [span for span in by_id.values() if not span.name.startswith(("canvas.", "GET /api"))]
    assert others
    assert all(parents(span, by_id)[-1] == "canvas.sync" for span in others)
    assert "step" not in str([parents(span, by_id) for span in others])


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
@pytest.mark.parametrize("name", CLIENTS)
def test_their_hook_makes_its_span_again_once_ours_is_removed(
    server: AnswerServer, spans: InMemorySpanExporter, name: str, ours_first: bool
) -> None:
    with recording() as recorded, switched_on(name, ours_first=ours_first):
        CLIENTS[name].uninstrument()
        CLIENTS[name].get(f"{server.url}{COURSES}")
    assert recorded.api_calls == []
    assert [span.name for span in spans.get_finished_spans()][-1] == "GET"


@pytest.mark.parametrize("name", ["requests", "httpx"])
def test_what_a_hook_of_the_app_sends_within_a_call_has_a_span_of_its_own(
    server: AnswerServer, spans: InMemorySpanExporter, name: str
) -> None:
    def tell(*_: object, **__: object) -> None:
        CLIENTS[name].get(f"{server.url}/weather")

    with recording(), switched_on(name, ours_first=True):
        if name == "requests":
            requests.get(f"{server.url}{COURSES}", timeout=60, hooks={"response": tell})
        else:
            with httpx.Client(event_hooks={"response": [tell]}) as client:
                client.get(f"{server.url}{COURSES}")
    names = [span.name for span in spans.get_finished_spans()]
    assert names.count(f"GET {COURSES}") == 1
    assert "GET" in names


def test_a_task_that_a_call_started_has_spans_even_after_the_call(
    server: AnswerServer, spans: InMemorySpanExporter
) -> None:
    async def sync() -> None:
        tasks: list[asyncio.Task[httpx.Response]] = []

        async with httpx.AsyncClient() as other:

            async def tell(_: httpx.Response) -> None:
                tasks.append(asyncio.create_task(other.get(f"{server.url}/weather")))

            async with httpx.AsyncClient(event_hooks={"response": [tell]}) as client:
                await client.get(f"{server.url}{COURSES}")
            await asyncio.gather(*tasks)

    with recording(), switched_on("httpx-async", ours_first=True):
        asyncio.run(sync())
    assert sorted(span.name for span in spans.get_finished_spans()) == ["GET", f"GET {COURSES}"]


def parents(span: ReadableSpan, by_id: dict[int, ReadableSpan]) -> list[str]:
    names = []
    while span.parent is not None:
        span = by_id[span.parent.span_id]
        names.append(span.name)
    return names
