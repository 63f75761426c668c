"""The heartbeat of runs."""

from __future__ import annotations

import threading
from pathlib import Path

from canvas_sync_core.events import Event, Heartbeat
from canvas_sync_core.settings import Settings
from canvas_sync_instrumentation.monitor import configure, shutdown
from canvas_sync_instrumentation.testing import MemorySink
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.monitors import monitor_with
from support.otlp import http_receiver


class WaitingSink(MemorySink):
    """Tells when a heartbeat has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.beaten = threading.Event()

    def handle(self, event: Event) -> None:
        super().handle(event)
        if isinstance(event, Heartbeat):
            self.beaten.set()


def test_a_running_sync_has_a_heartbeat_although_nothing_happens() -> None:
    sink = WaitingSink()
    monitor_with(Settings(heartbeat_seconds=0.1), waiting=sink)
    with CanvasSyncMetricsTracker("t1", 42):
        assert sink.beaten.wait(600)


def test_the_end_of_a_run_sends_its_spans_at_once(tmp_path: Path) -> None:
    """Not at the next regular delivery, which may be minutes away."""
    with http_receiver() as collector:
        never = {"OTEL_BSP_SCHEDULE_DELAY": "3600000", "CANVAS_SYNC_HEARTBEAT_SECONDS": "3600"}
        configure(environ={**collector.environ, **never}, log_dir=tmp_path)
        with CanvasSyncMetricsTracker("nightly-1", 42):
            pass
        assert [span.name for span in collector.wait_for_spans(1)] == ["canvas.sync"]
        shutdown()
