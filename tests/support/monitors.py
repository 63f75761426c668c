"""Sinks of monitors."""

from __future__ import annotations

from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.settings import Settings
from canvas_sync_instrumentation.monitor import Monitor, install
from canvas_sync_instrumentation.open_sinks import Sinks
from canvas_sync_instrumentation.outputs.spans import SpanSink
from canvas_sync_instrumentation.testing import MemorySink

__all__ = ["monitor_with"]


def monitor_with(settings: Settings, **sinks: MemorySink | MetricsSink) -> Monitor:
    spans = SpanSink()
    metrics = sinks.get("metrics")
    assert metrics is None or isinstance(metrics, MetricsSink)
    monitor = Monitor(settings, Sinks(spans, {**sinks, "spans": spans}, metrics))
    install(monitor)
    return monitor
