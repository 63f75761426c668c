"""Real OTLP receivers on loopback, and collectors that behave badly."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = [
    "OtlpReceiver",
    "attributes_of",
    "grpc_receiver",
    "http_receiver",
    "refusing_collector",
    "silent_collector",
    "span_named",
]


class OtlpReceiver:
    """What a receiver was sent.

    Attributes:
        endpoint: For ``OTEL_EXPORTER_OTLP_ENDPOINT``.
        protocol: For ``OTEL_EXPORTER_OTLP_PROTOCOL``.
        rejecting: Whether requests are answered with an error that no client repeats (HTTP only).
        arrived: Set when a request has come in (HTTP only).
        gate: Answers wait until it is set, as it is at first (HTTP only).
        peers: Span name -> the client's end of the connection on which it came last.
    """

    def __init__(self, endpoint: str, protocol: str) -> None:
        self.endpoint = endpoint
        self.protocol = protocol
        self.rejecting = False
        self.arrived = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.peers: dict[str, str] = {}
        self._changed = threading.Condition()
        self._spans: list[Span] = []
        self._resources: list[dict[str, Any]] = []

    @property
    def environ(self) -> dict[str, str]:
        """The variables that send spans here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": self.protocol,
        }

    @property
    def spans(self) -> list[Span]:
        """The spans so far."""
        with self._changed:
            return list(self._spans)

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The attributes of the resource of each request so far."""
        with self._changed:
            return list(self._resources)

    def take(self, request: ExportTraceServiceRequest, peer: str) -> None:
        """Keep the spans of a request."""
        with self._changed:
            for resource_spans in request.resource_spans:
                self._resources.append(attributes_of(resource_spans.resource.attributes))
                for scope_spans in resource_spans.scope_spans:
                    self._spans.extend(scope_spans.spans)
                    self.peers.update((span.name, peer) for span in scope_spans.spans)
            self._changed.notify_all()

    def wait_for_spans(self, count: int, timeout: float = 600.0) -> list[Span]:
        """Wait until ``count`` spans have come; fail after ``timeout`` seconds."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self._spans) >= count, timeout)
            names = [span.name for span in self._spans]
            assert came, f"{len(names)} of {count} spans came in {timeout} s: {names}"
            return list(self._spans)


def attributes_of(pairs: Any) -> dict[str, Any]:
    """Turn OTLP's list of attributes into a dictionary of plain values."""
    values: dict[str, Any] = {}
    for pair in pairs:
        assert isinstance(pair, KeyValue)
        kind = pair.value.WhichOneof("value")
        assert kind is not None
        values[pair.key] = getattr(pair.value, kind)
    return values


def span_named(spans: list[Span], name: str) -> Span:
    """Return the one span with a name."""
    (span,) = [span for span in spans if span.name == name]
    return span


@contextmanager
def http_receiver() -> Iterator[OtlpReceiver]:
    """Run an OTLP receiver that speaks ``http/protobuf``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.arrived.set()
            receiver.gate.wait()
            welcome = self.path == "/v1/traces" and not receiver.rejecting
            if welcome:
                receiver.take(ExportTraceServiceRequest.FromString(body), str(self.client_address))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if welcome else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = OtlpReceiver(f"http://127.0.0.1:{server.server_port}", "http/protobuf")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _TraceService(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.receiver: OtlpReceiver | None = None

    def Export(  # noqa: N802 - the name that the protocol gives it
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        assert self.receiver is not None
        self.receiver.take(request, context.peer())
        return ExportTraceServiceResponse()


@contextmanager
def grpc_receiver() -> Iterator[OtlpReceiver]:
    """Run an OTLP receiver that speaks ``grpc``."""
    service = _TraceService()
    with futures.ThreadPoolExecutor(max_workers=2) as pool:
        server = grpc.server(pool)
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(  # type: ignore[no-untyped-call]
            service, server
        )  # generated without types
        port = server.add_insecure_port("127.0.0.1:0")
        service.receiver = OtlpReceiver(f"http://127.0.0.1:{port}", "grpc")
        server.start()
        try:
            yield service.receiver
        finally:
            server.stop(grace=None).wait()


@contextmanager
def silent_collector() -> Iterator[str]:
    """Listen on a port whose connections are accepted and never answered; give the endpoint."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        # The kernel completes the handshakes; nobody ever reads.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def refusing_collector() -> Iterator[str]:
    """Hold a port on which connections are refused; give the endpoint."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"
