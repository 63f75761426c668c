"""The OTLP exporter of the SDK, made late, counted, and quiet while a collector is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from . import DropCounter

__all__ = ["CountingExporter"]

_logger = logging.getLogger(__name__)

_HTTP: Final = "http/protobuf"
_GRPC: Final = "grpc"
_EXPORTER_LOGGERS: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
)


class CountingExporter(SpanExporter):
    """Exports over the protocol that the environment names and counts what fails.

    The real exporter is made at the first export, in the exporting thread: a process that makes no
    span pays no memory for gRPC or protobuf, and one that forks first has no channel to inherit.
    """

    def __init__(self, environ: Mapping[str, str], on_drop: DropCounter) -> None:
        self._environ = environ
        self._on_drop = on_drop
        self._exporter: SpanExporter | None = None
        self._inherited: SpanExporter | None = None
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch; the first failure of a series is told, each is counted."""
        try:
            if self._exporter is None:
                self._exporter = self._open()
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - exporters raise anything, for a bad OTEL_* value too
            self._tell_failure(exc_info=True)
            result = SpanExportResult.FAILURE
        else:
            if result is SpanExportResult.SUCCESS:
                self._failing = False
            else:
                self._tell_failure(exc_info=False)
        if result is not SpanExportResult.SUCCESS:
            self._on_drop("spans", "export_failed", len(spans))
        return result

    def shutdown(self) -> None:
        """Close the connection to the collector."""
        if self._exporter is not None:
            self._exporter.shutdown()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connection alone; the next export opens another."""
        # It is kept, not dropped: its finalizer would talk to the parent's collector.
        self._inherited = self._exporter or self._inherited
        self._exporter = None

    def _open(self) -> SpanExporter:
        quiet = _QuietWhileFailing(self, threading.current_thread())
        for name in _EXPORTER_LOGGERS:
            logging.getLogger(name).addFilter(quiet)
        return _open_exporter(self._environ)

    def _tell_failure(self, *, exc_info: bool) -> None:
        if not self._failing:
            _logger.warning(
                "Spans cannot be delivered to the OpenTelemetry collector. They are dropped and "
                "counted in canvas_sync_telemetry_dropped_total; this is not told again until a "
                "delivery works.",
                exc_info=exc_info,
            )
        self._failing = True

    @property
    def failing(self) -> bool:
        """Whether the last export failed."""
        return self._failing


class _QuietWhileFailing(logging.Filter):
    """Lets the SDK's own log lines through for the first failure of a series, from our thread."""

    def __init__(self, exporter: CountingExporter, thread: threading.Thread) -> None:
        super().__init__()
        self._exporter = exporter
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread.ident or not self._exporter.failing


def _open_exporter(environ: Mapping[str, str]) -> SpanExporter:
    protocol = (
        environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or _HTTP
    ).strip()
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if protocol == _GRPC:
        return _open_grpc(endpoint or base)
    if protocol != _HTTP:
        _logger.warning(
            "OTEL_EXPORTER_OTLP_PROTOCOL: %r is not supported; %s is used. Say %s or %s.",
            protocol,
            _HTTP,
            _HTTP,
            _GRPC,
        )
    return _open_http(endpoint or f"{base.rstrip('/')}/v1/traces")


def _open_http(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - memory
        OTLPSpanExporter,
    )

    return OTLPSpanExporter(endpoint=endpoint)


def _open_grpc(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - memory
        OTLPSpanExporter,
    )

    return OTLPSpanExporter(endpoint=endpoint)
