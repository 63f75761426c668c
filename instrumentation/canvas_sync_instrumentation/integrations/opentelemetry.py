"""The entry point for ``opentelemetry-instrument``: switches on all hooks without code changes.

Nothing else imports this module: its base class comes with ``opentelemetry-instrumentation``, like
that command.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # untyped
    BaseInstrumentor,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ._installed import instrument_installed, uninstrument_all

__all__ = ["CanvasSyncInstrumentor"]


class CanvasSyncInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # as above
    """Switches the hooks on for every library that is installed."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return no requirements: each hook looks for its own library."""
        return ()

    def _instrument(self, **_: Any) -> None:
        instrument_installed()
        _continue_trace_of(os.environ)

    def _uninstrument(self, **_: Any) -> None:
        uninstrument_all()


def _continue_trace_of(environ: Mapping[str, str]) -> None:
    """Start the main thread in the trace of the process that started this one.

    OpenTelemetry's own start-up ignores ``TRACEPARENT``, which ``canvas-sync-monitor run`` sets:
    https://opentelemetry.io/docs/specs/otel/context/env-carriers/.
    """
    carrier = {"traceparent": environ.get("TRACEPARENT", "")}
    otel_context.attach(TraceContextTextMapPropagator().extract(carrier))
