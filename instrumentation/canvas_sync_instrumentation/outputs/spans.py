"""OpenTelemetry spans: one for each run and step, and below them one for each call and operation.

They go to the app's tracer provider if it has set one, otherwise to a private one if the standard
environment variables name an OTLP collector, otherwise nowhere. Even then, runs get a trace id, so
that log lines and rows can be correlated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
)
from opentelemetry.util.types import Attributes

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.events import ApiCall, DbOperation, DbOperationsSummed, ErrorInfo, Event
from canvas_sync_core.identifiers import random_hex
from canvas_sync_core.names import INSTRUMENTATION_SCOPE
from canvas_sync_core.sinks import DropCounter
from canvas_sync_core.threads import Daemon, start_daemon

from ._leaf_spans import LeafEvent, describe_leaf, nanoseconds, parent_of

__all__ = [
    "LeafEvent",
    "OpenSpan",
    "Pipeline",
    "SpanSink",
    "is_provider_set",
    "new_ids",
    "open_pipeline",
    "parent_of",
    "record_leaf",
]

_logger = app_logger(__name__)

_LEAVES: Final = (ApiCall, DbOperation, DbOperationsSummed)


class OpenSpan(msgspec.Struct, frozen=True):
    """The span of a run or step in progress.

    Attributes:
        span: The span to make current. If nothing is recorded, it is the span around the run, so
            that outgoing trace context is unchanged.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        sampled: Whether the trace is recorded.
    """

    span: Span
    trace_id: str
    span_id: str
    sampled: bool

    def end(
        self,
        *,
        end_time: float,
        error: ErrorInfo | None = None,
        attributes: Attributes = None,
    ) -> None:
        """End the span.

        Args:
            end_time: Seconds since the epoch.
            error: What ended the run or step; sets the status and ``error.type``.
            attributes: Attributes that became known while it ran.
        """
        if not (self.sampled or self.span.is_recording()):
            return
        if attributes:
            self.span.set_attributes(attributes)
        if error is not None:
            self.span.set_attribute("error.type", error.error_type)
            if error.traceback:
                self.span.set_attribute("code.stacktrace", "\n".join(error.traceback))
            self.span.set_status(Status(StatusCode.ERROR, error.message))
        self.span.end(nanoseconds(end_time))


class Pipeline(Protocol):
    """A private pipeline for spans, for apps without their own tracing."""

    @property
    def provider(self) -> TracerProvider:
        """Creates the spans of runs and steps; never the global provider."""

    def record_leaf(self, event: LeafEvent, parent: SpanContext | None) -> None:
        """Accept the span of a finished call.

        Args:
            event: The call; the span of its run is the parent.
            parent: The parent of a call outside a run; None lets the sampler decide on a root span.
        """

    def flush(self, timeout: float) -> bool:
        """Deliver what is pending within ``timeout`` seconds; return whether nothing is left."""

    def close(self, timeout: float) -> None:
        """Deliver what is pending within ``timeout`` seconds and drop the rest."""

    def after_fork_in_child(self) -> None:
        """Start fresh in a forked child."""


class SpanSink:
    """Converts runs, steps, API calls and database operations to spans.

    Args:
        pipeline: Where they go if the app has no tracer provider; None means nowhere.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self._own = pipeline
        self._app_provider: TracerProvider | None = None
        self._tracer: tuple[TracerProvider, Tracer] | None = None
        self._flushing: Daemon | None = None
        self._is_provider_named = OTEL_PYTHON_TRACER_PROVIDER in os.environ

    @property
    def fault(self) -> None:
        """None: the span exporter counts spans that cannot be delivered."""

    @property
    def has_provider_of_app(self) -> bool:
        """Whether the app has set a tracer provider, which then gets the spans."""
        return (self._is_provider_named or is_provider_set()) and _provider_of_app() is not None

    @property
    def makes_spans(self) -> bool:
        """Whether there is somewhere for spans to go."""
        return self._own is not None or self.has_provider_of_app

    def start_run(
        self,
        name: str,
        *,
        attributes: Attributes,
        parent: Context | None,
        start_time: float,
        links: Sequence[Link] = (),
    ) -> OpenSpan:
        """Start the span of a run.

        Args:
            name: The span's name.
            attributes: Attributes known at the start.
            parent: Context with its parent; None means the current context.
            start_time: Seconds since the epoch.
            links: Related spans.
        """
        provider = self._app_provider = _provider_of_app()
        if provider is None and self._own is not None:
            provider = self._own.provider
        if provider is None:
            return _unrecorded(trace.get_current_span(parent).get_span_context())
        span = self._tracer_of(provider).start_span(
            name,
            parent,
            attributes=attributes,
            links=links,
            start_time=nanoseconds(start_time),
        )
        context = span.get_span_context()
        if not context.is_valid:
            return _unrecorded(context)
        return _opened(span, sampled=context.trace_flags.sampled and span.is_recording())

    def start_step(
        self, name: str, *, attributes: Attributes, parent: OpenSpan, start_time: float
    ) -> OpenSpan:
        """Start the span of a step.

        Args:
            name: The span's name.
            attributes: Attributes known at the start.
            parent: The span of the run or step around it.
            start_time: Seconds since the epoch.
        """
        if not parent.sampled:
            # Not the parent's own span, which may be recorded for local processors: it goes on.
            span = NonRecordingSpan(parent.span.get_span_context())
            return OpenSpan(span, parent.trace_id, parent.span_id, sampled=False)
        around = trace.set_span_in_context(parent.span)
        return self.start_run(name, attributes=attributes, parent=around, start_time=start_time)

    def handle(self, event: Event) -> None:
        """Record an API call or a database operation as a span that has already ended."""
        if not isinstance(event, _LEAVES) or (isinstance(event, DbOperation) and event.is_summed):
            return
        context = event.context
        if context is not None and not context.sampled:
            return
        if (
            context is None
        ):  # a run reads the provider once, at its start, because reading takes time
            self._app_provider = _provider_of_app()
        provider = self._app_provider
        if provider is not None:
            record_leaf(self._tracer_of(provider), event, parent_of(event))
        elif self._own is None:
            return
        elif context is not None:
            self._own.record_leaf(event, None)
        else:
            around = trace.get_current_span().get_span_context()
            if not around.is_valid:
                self._own.record_leaf(event, None)
            elif around.trace_flags.sampled:
                self._own.record_leaf(event, around)

    def flush(self, timeout: float) -> bool:
        """Export what is pending within ``timeout`` seconds; return whether nothing is left."""
        provider = _provider_of_app()
        if provider is not None:
            return self._flush_provider(provider, timeout)
        return self._own is None or self._own.flush(timeout)

    def close(self, timeout: float) -> None:
        """Export what is pending within ``timeout`` seconds and drop the rest.

        The app's own tracer provider is left open: the app shuts it down.
        """
        if self._own is not None:
            self._own.close(timeout)

    def after_fork_in_child(self) -> None:
        """Start fresh in a forked child, without the parent's spans and connections."""
        self._flushing = None
        if self._own is not None:
            self._own.after_fork_in_child()

    def _tracer_of(self, provider: TracerProvider) -> Tracer:
        cached = self._tracer
        if cached is None or cached[0] is not provider:
            cached = self._tracer = (provider, provider.get_tracer(INSTRUMENTATION_SCOPE))
        return cached[1]

    def _flush_provider(self, provider: TracerProvider, timeout: float) -> bool:
        force_flush = getattr(provider, "force_flush", None)  # only the SDK has it, not the API
        if force_flush is None:
            return True
        thread = self._flushing
        if thread is None or not thread.is_alive:
            # In a thread, because the SDK's processors ignore their timeout.
            thread = self._flushing = start_daemon(force_flush, "canvas-sync-flush")
        if thread is None:
            return False
        return thread.join(timeout)


def is_provider_set() -> bool:
    """Return whether a tracer provider has been set in this process.

    Without one, OpenTelemetry's hooks create no spans. OpenTelemetry's public function is not used,
    because it searches the environment each time, which would slow down every call.
    """
    return getattr(trace, "_TRACER_PROVIDER", trace) is not None


def _provider_of_app() -> TracerProvider | None:
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, trace.ProxyTracerProvider) else provider


def _opened(span: Span, *, sampled: bool) -> OpenSpan:
    context = span.get_span_context()
    return OpenSpan(
        span=span,
        trace_id=trace.format_trace_id(context.trace_id),
        span_id=trace.format_span_id(context.span_id),
        sampled=sampled,
    )


def _unrecorded(around: SpanContext) -> OpenSpan:
    if around.is_valid:
        return _opened(NonRecordingSpan(around), sampled=False)
    # Ids only for log lines and rows: as the current span, they would tell others not to sample.
    return OpenSpan(INVALID_SPAN, *new_ids(), sampled=False)


def new_ids() -> tuple[str, str]:
    """Generate the ids of a trace and a span, unaffected by ``random.seed()`` and forks."""
    both = random_hex(16 + 8)  # in one call, because asking the kernel is most of the work
    return both[:32], both[32:]


def record_leaf(tracer: Tracer, event: LeafEvent, parent: SpanContext | None) -> None:
    """Create the span of a finished call; without ``parent``, inside the current span."""
    leaf = describe_leaf(event)
    span = tracer.start_span(
        leaf.name,
        None if parent is None else trace.set_span_in_context(NonRecordingSpan(parent)),
        SpanKind.CLIENT,
        leaf.attributes,
        start_time=leaf.start,
    )
    if leaf.failed:
        span.set_status(Status(StatusCode.ERROR, leaf.description))
    span.end(leaf.end)


def _is_configured(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if not (
        environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
        or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    ):
        return False
    exporters = {word.strip() for word in environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",")}
    if not exporters & {"otlp", "none", ""}:
        _logger.warning(
            "OTEL_TRACES_EXPORTER: %s cannot be used; no spans are recorded. "
            "Set it to otlp or none.",
            ", ".join(sorted(exporters)),
        )
    return bool(exporters & {"otlp", ""})


def open_pipeline(environ: Mapping[str, str], on_drop: DropCounter) -> Pipeline | None:
    """Open a pipeline to an OTLP collector, if the standard variables name one.

    Args:
        environ: The environment with the ``OTEL_*`` variables.
        on_drop: Counts spans that could not be delivered.
    """
    if not _is_configured(environ):
        return None
    try:
        from ._otlp import OtlpPipeline  # noqa: PLC0415 - memory; the SDK checks settings at import

        return OtlpPipeline(environ, on_drop)
    except ValueError as error:
        raise_if_asynchronous(error)
        _logger.warning("An OTEL_* setting cannot be used; no spans are recorded: %s", error)
    except (
        ImportError,
        RuntimeError,
    ) as error:  # no thread
        raise_if_asynchronous(error)
        _logger.warning("OpenTelemetry cannot start; no spans are recorded: %s", error)
    return None
