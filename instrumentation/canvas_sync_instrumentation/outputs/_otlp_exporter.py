"""The SDK's OTLP exporter, opened late, and quiet while the collector is down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from canvas_sync_core.app_log import app_logger
from canvas_sync_instrumentation.error_description import described_failure

__all__ = ["QuietExporter"]

_logger = app_logger(__name__)

_is_exporting: ContextVar[bool] = ContextVar("canvas_sync_is_exporting", default=False)

_HTTP: Final = "http/protobuf"
_GRPC: Final = "grpc"
_EXPORTER_LOGGERS: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
)


class QuietExporter(SpanExporter):
    """Exports over the configured protocol; never raises, and logs each failure once.

    The real exporter is imported right away with everything that it needs later: an import at exit
    is too late, and a fork during an import in a thread leaves the child with a lock that is never
    released. It is created at the first export, so that a process that forks earlier has no
    connection that its children would inherit.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._make_exporter = _exporter_factory(environ)
        self._exporter: SpanExporter | None = None
        self._inherited: SpanExporter | None = None
        self._failing = False
        self._quiet = _QuietWhileFailing(self)
        for name in _EXPORTER_LOGGERS:
            logging.getLogger(name).addFilter(self._quiet)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch; only the first of several failures in a row is logged."""
        outside = _is_exporting.set(True)
        try:
            if self._exporter is None:
                self._exporter = self._make_exporter()
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - exporters raise anything, for a bad OTEL_* too
            self._warn_of_failure(f"\n{described_failure(error)}")
            result = SpanExportResult.FAILURE
        else:
            if result is SpanExportResult.SUCCESS:
                self._failing = False
            else:
                self._warn_of_failure()
        finally:
            _is_exporting.reset(outside)
        return result

    def shutdown(self) -> None:
        """Close the connection to the collector."""
        for name in _EXPORTER_LOGGERS:
            logging.getLogger(name).removeFilter(self._quiet)
        if self._exporter is not None:
            self._exporter.shutdown()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connection alone; the next export opens another."""
        # Keep it referenced: its finalizer would talk to the parent's collector.
        self._inherited = self._exporter or self._inherited
        self._exporter = None

    def _warn_of_failure(self, cause: str = "") -> None:
        if not self._failing:
            _logger.warning(
                "Spans cannot be delivered to the OpenTelemetry collector. They are dropped and "
                "counted in canvas_sync_telemetry_dropped_total. This warning is not repeated "
                "until a delivery has succeeded.%s",
                cause,
            )
        self._failing = True

    @property
    def failing(self) -> bool:
        """Whether the last export failed."""
        return self._failing


class _QuietWhileFailing(logging.Filter):
    """Suppresses the SDK's log lines about our exports after the first of several failures."""

    def __init__(self, exporter: QuietExporter) -> None:
        super().__init__()
        self._exporter = exporter

    def filter(self, record: logging.LogRecord) -> bool:
        return not (_is_exporting.get() and self._exporter.failing)


def _exporter_factory(environ: Mapping[str, str]) -> Callable[[], SpanExporter]:
    protocol = (
        environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or _HTTP
    ).strip()
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if protocol == _GRPC:
        return _grpc_factory(endpoint or base)
    if protocol != _HTTP:
        _logger.warning(
            "OTEL_EXPORTER_OTLP_PROTOCOL: %r is not supported; %s is used. Set it to %s or %s.",
            protocol,
            _HTTP,
            _HTTP,
            _GRPC,
        )
    return _http_factory(endpoint or f"{base.rstrip('/')}/v1/traces")


def _http_factory(endpoint: str) -> Callable[[], SpanExporter]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - memory
        OTLPSpanExporter,
    )

    _import_now("requests", "netrc")
    return partial(OTLPSpanExporter, endpoint=endpoint)


def _grpc_factory(endpoint: str) -> Callable[[], SpanExporter]:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - memory
        OTLPSpanExporter,
    )

    _import_now("grpc.experimental", "grpc._channel")
    return partial(OTLPSpanExporter, endpoint=endpoint)


def _import_now(*names: str) -> None:
    """Import what an exporter would import while exporting, if it is installed."""
    for name in names:
        with suppress(ImportError):
            import_module(name)
