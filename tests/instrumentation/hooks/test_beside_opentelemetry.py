"""Beside OpenTelemetry's own hooks a call to Canvas has one span, and others keep theirs.

In whatever order the two are switched on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
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
}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what stays under another's wrapper, and does nothing."""
    for owner, name in WRAPPED:
        monkeypatch.setattr(owner, name, getattr(owner, name))


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
def test_when_ours_goes_theirs_makes_its_span_again(
    server: AnswerServer, spans: InMemorySpanExporter, name: str, ours_first: bool
) -> None:
    with recording() as recorded, switched_on(name, ours_first=ours_first):
        CLIENTS[name].uninstrument()
        CLIENTS[name].get(f"{server.url}{COURSES}")
    assert recorded.api_calls == []
    assert [span.name for span in spans.get_finished_spans()][-1] == "GET"


def parents(span: ReadableSpan, by_id: dict[int, ReadableSpan]) -> list[str]:
    names = []
    while span.parent is not None:
        span = by_id[span.parent.span_id]
        names.append(span.name)
    return names
