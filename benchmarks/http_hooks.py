"""What the hook of each HTTP client costs a call, against the bare client and OpenTelemetry's hook.

Each client asks a server on loopback, which answers like Canvas, over a connection that is kept:
bare, with our hook inside a run (log line, metrics, span, row), and with OpenTelemetry's own hook.
Each request has a token, whose quota our hook watches.
Spans of both go by OTLP over HTTP to a collector that throws them away. Rounds of the three take
turns; the medians of the rounds are compared. canvasapi has no hook of OpenTelemetry's; there it is
the one of requests, on which it is built.

The second line of each result is the CPU time that a call takes in its thread, in the fastest tenth
of the calls: other processes disturb those least. "of theirs" is our share of what OpenTelemetry's
hook costs. The last figures are the times that one call in a hundred and one in a thousand exceed,
against those of the bare call.

Goals: at most 60 microseconds, half of OpenTelemetry's hook, and 5 % of a call that takes 10 ms;
one call in a thousand takes at most twice as long as bare.

    python benchmarks/http_hooks.py
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import canvasapi
import httpx
import requests
import urllib3
from child_processes import child_process
from configured_monitor import configured
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import canvas_sync_instrumentation as ours

PATH = "/api/v1/courses/4711"
TOKEN = "a-token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SERVER = r"""
import asyncio, sys
delay = float(sys.argv[1])
body = b'{"id": 4711, "name": "A course", "workflow_state": "available"}'
ok = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
      b"X-Rate-Limit-Remaining: 687.3\r\nX-Request-Cost: 0.0432\r\n"
      b"X-Request-Context-Id: 5f2e1c5e-8d3e-4c1e-9a51-8f8a3f6f3a10\r\n"
      b"X-Canvas-Meta: o=courses;n=show;q=512;u=0.01;y=0.0;d=0.02;b=0;m=0;\r\n"
      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

class Canvas(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                       if line.startswith(b"content-length")), 0)
        if len(rest) < length:
            return
        self.data = b""
        wait = delay if head.startswith(b"GET") else 0.0
        asyncio.get_running_loop().call_later(wait, self.transport.write, ok)

async def main():
    server = await asyncio.get_running_loop().create_server(Canvas, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


Measured = tuple[float, float]
"""The seconds that a call took, and the CPU seconds of its thread."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client: a function that makes many calls and measures each, and its hooks."""

    calls: Callable[[str, int], list[Measured]]
    instrument: Callable[[], None]
    uninstrument: Callable[[], None]
    theirs: Any


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls of one kind cost.

    Attributes:
        seconds: The median of a call.
        cpu: CPU seconds of a call in the calling thread; a tenth of the calls took less.
        p99: Seconds that one call in a hundred exceeds.
        p999: Seconds that one call in a thousand exceeds.
    """

    seconds: float
    cpu: float
    p99: float
    p999: float


class Rounds:
    """Calls of one kind, in rounds."""

    def __init__(self) -> None:
        self._medians: list[float] = []
        self._cpu: list[float] = []
        self._all: list[float] = []

    def run(self, calls: Callable[[str, int], list[Measured]], url: str, count: int) -> None:
        """Make ``count`` calls."""
        measured = calls(url, count)
        seconds = [each for each, _ in measured]
        self._cpu += [each for _, each in measured]
        self._medians.append(statistics.median(seconds))
        self._all += seconds

    @property
    def cost(self) -> Cost:
        """What they cost."""
        p99, p999 = (sorted(self._all)[int(len(self._all) * share)] for share in (0.99, 0.999))
        cpu = sorted(self._cpu)[len(self._cpu) // 10]
        return Cost(statistics.median(self._medians), cpu, p99, p999)


def timed(call: Callable[[], Any], count: int) -> list[Measured]:
    call()
    measured = []
    for _ in range(count):
        start, cpu = time.perf_counter(), time.thread_time()
        call()
        measured.append((time.perf_counter() - start, time.thread_time() - cpu))
    return measured


async def timed_async(call: Callable[[], Coroutine[Any, Any, Any]], count: int) -> list[Measured]:
    await call()
    measured = []
    for _ in range(count):
        start, cpu = time.perf_counter(), time.thread_time()
        await call()
        measured.append((time.perf_counter() - start, time.thread_time() - cpu))
    return measured


def with_requests(url: str, count: int) -> list[Measured]:
    with requests.Session() as session:
        session.headers.update(HEADERS)
        return timed(lambda: session.get(url + PATH, timeout=60), count)


def with_canvasapi(url: str, count: int) -> list[Measured]:
    canvas = canvasapi.Canvas(url, TOKEN)
    return timed(lambda: canvas.get_course(4711), count)


def with_httpx(url: str, count: int) -> list[Measured]:
    with httpx.Client(headers=HEADERS) as client:
        return timed(lambda: client.get(url + PATH), count)


def with_httpx_async(url: str, count: int) -> list[Measured]:
    async def ask() -> list[Measured]:
        async with httpx.AsyncClient(headers=HEADERS) as client:
            return await timed_async(lambda: client.get(url + PATH), count)

    return asyncio.run(ask())


def with_aiohttp(url: str, count: int) -> list[Measured]:
    async def ask() -> list[Measured]:
        async with aiohttp.ClientSession(headers=HEADERS) as session:

            async def get() -> None:
                async with session.get(url + PATH) as response:
                    await response.read()

            return await timed_async(get, count)

    return asyncio.run(ask())


def with_urllib3(url: str, count: int) -> list[Measured]:
    with urllib3.PoolManager(headers=HEADERS) as pools:
        return timed(lambda: pools.request("GET", url + PATH), count)


CLIENTS = {
    "requests": Client(
        with_requests, ours.instrument_requests, ours.uninstrument_requests, RequestsInstrumentor
    ),
    "canvasapi": Client(
        with_canvasapi, ours.instrument_canvasapi, ours.uninstrument_canvasapi, RequestsInstrumentor
    ),
    "httpx": Client(
        with_httpx, ours.instrument_httpx, ours.uninstrument_httpx, HTTPXClientInstrumentor
    ),
    "httpx, async": Client(
        with_httpx_async, ours.instrument_httpx, ours.uninstrument_httpx, HTTPXClientInstrumentor
    ),
    "aiohttp": Client(
        with_aiohttp, ours.instrument_aiohttp, ours.uninstrument_aiohttp, AioHttpClientInstrumentor
    ),
    "urllib3": Client(
        with_urllib3, ours.instrument_urllib3, ours.uninstrument_urllib3, URLLib3Instrumentor
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=100, help="in a round")
    parser.add_argument("--client", choices=CLIENTS, action="append", help="one of them alone")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "Canvas may respond unexpectedly", UserWarning)
    with server(0.0) as at_once, server(0.010) as slow, tempfile.TemporaryDirectory() as folder:
        os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{at_once}/collector"
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        with configured(folder):
            for name in arguments.client or CLIENTS:
                client = CLIENTS[name]
                for what, url in (("answered at once", at_once), ("answered in 10 ms", slow)):
                    print_figures(f"{name}, {what}", *measure(client, url, provider, arguments))
        provider.shutdown()


def measure(
    client: Client, url: str, provider: TracerProvider, arguments: argparse.Namespace
) -> tuple[Cost, Cost, Cost]:
    """Return the costs of bare calls, of those with our hook and of those with theirs."""
    bare, hooked, theirs = Rounds(), Rounds(), Rounds()
    for _ in range(arguments.rounds):
        bare.run(client.calls, url, arguments.calls)
        client.instrument()
        with ours.CanvasSyncMetricsTracker(f"run-{time.time_ns()}", 42):
            hooked.run(client.calls, url, arguments.calls)
        client.uninstrument()
        client.theirs().instrument(tracer_provider=provider)
        theirs.run(client.calls, url, arguments.calls)
        client.theirs().uninstrument()
    return bare.cost, hooked.cost, theirs.cost


def print_figures(name: str, bare: Cost, hooked: Cost, theirs: Cost) -> None:
    share = (hooked.cpu - bare.cpu) / (theirs.cpu - bare.cpu)
    print(
        f"{name:32}{bare.seconds * 1e3:7.2f} ms bare"
        f"{(hooked.seconds - bare.seconds) * 1e6:+8.0f} us ours"
        f" ({hooked.seconds / bare.seconds - 1:+6.1%})"
        f"{(theirs.seconds - bare.seconds) * 1e6:+8.0f} us OpenTelemetry"
        f" ({theirs.seconds / bare.seconds - 1:+6.1%})\n"
        f"{'':27} cpu{bare.cpu * 1e3:8.2f} ms bare"
        f"{(hooked.cpu - bare.cpu) * 1e6:+8.0f} us ours"
        f"{(theirs.cpu - bare.cpu) * 1e6:+17.0f} us OpenTelemetry,{share:5.2f} of theirs;"
        f" p99{hooked.p99 / bare.p99:5.2f}, p99.9{hooked.p999 / bare.p999:5.2f} x bare",
        flush=True,
    )


@contextmanager
def server(delay: float) -> Iterator[str]:
    with child_process([sys.executable, "-c", SERVER, str(delay)]) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


if __name__ == "__main__":
    main()
