"""Wiring, failures of sinks, and the end of a process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from canvas_sync_instrumentation.carry import trace_headers
from canvas_sync_instrumentation.errors import SettingsError
from canvas_sync_instrumentation.events import Event, Heartbeat, RunEnded
from canvas_sync_instrumentation.monitor import Monitor, configure, get_monitor, install, shutdown
from canvas_sync_instrumentation.settings import Settings
from canvas_sync_instrumentation.sinks.metrics import MetricsSink
from canvas_sync_instrumentation.sinks.spans import SpanSink
from canvas_sync_instrumentation.testing import MemorySink
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.wiring import Sinks
from support.otlp import http_receiver, silent_collector


class BrokenSink(MemorySink):
    """A sink with a bug."""

    def handle(self, event: Event) -> None:
        raise ZeroDivisionError("a bug of ours")


class WaitingSink(MemorySink):
    """Tells when a heartbeat has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.beaten = threading.Event()

    def handle(self, event: Event) -> None:
        super().handle(event)
        if isinstance(event, Heartbeat):
            self.beaten.set()


def monitor_with(settings: Settings, **sinks: MemorySink | MetricsSink) -> Monitor:
    spans = SpanSink()
    metrics = sinks.get("metrics")
    assert metrics is None or isinstance(metrics, MetricsSink)
    monitor = Monitor(settings, Sinks(spans, {**sinks, "spans": spans}, metrics))
    install(monitor)
    return monitor


def test_a_sink_that_fails_is_counted_and_reported_once_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = MemorySink()
    metrics = MetricsSink(tmp_path)
    monitor_with(Settings(), broken=BrokenSink(), memory=memory, metrics=metrics)
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_course(created=True)
    assert any(isinstance(event, RunEnded) for event in memory.events)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))  # type: ignore[no-untyped-call]  # has no types
    text = generate_latest(registry).decode()
    line = 'canvas_sync_telemetry_dropped_total{reason="internal_error",sink="broken"} 5.0'
    assert line in text
    assert len([record for record in caplog.records if "broken" in record.message]) == 1


def test_a_failing_sink_raises_in_strict_mode() -> None:
    monitor_with(Settings(strict=True), broken=BrokenSink())
    with pytest.raises(ZeroDivisionError):
        CanvasSyncMetricsTracker("t1", 42)
    with pytest.raises(ZeroDivisionError):
        shutdown()


def test_a_running_sync_has_a_heartbeat_although_nothing_happens() -> None:
    sink = WaitingSink()
    monitor_with(Settings(heartbeat_seconds=0.1), waiting=sink)
    with CanvasSyncMetricsTracker("t1", 42):
        assert sink.beaten.wait(30)


def test_settings_that_cannot_be_used_stop_configure_but_not_a_sync(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_LOG_FORMAT", "xml")
    with pytest.raises(SettingsError, match=r"CANVAS_SYNC_LOG_FORMAT: 'xml' .* json, text"):
        configure()
    with CanvasSyncMetricsTracker("t1", 42):
        pass
    assert "Nothing is recorded" in caplog.text
    assert "CANVAS_SYNC_LOG_FORMAT" in caplog.text


def test_a_folder_that_cannot_be_made_switches_its_sinks_off_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    configure(log_dir=blocker / "logs", strict=False)
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_course(created=True)
    shutdown()
    assert "Metrics are off" in caplog.text
    assert "Rows of sync runs wait" in caplog.text


def test_the_monitor_is_made_once_for_all_threads() -> None:
    barrier = threading.Barrier(4)
    seen = []

    def look() -> None:
        barrier.wait()
        seen.append(get_monitor())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(monitor) for monitor in seen}) == 1
    shutdown()


def test_disabled_telemetry_writes_nothing(tmp_path: Path) -> None:
    configure(enabled=False, log_dir=tmp_path / "nothing")
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_course(created=True)
    assert not (tmp_path / "nothing").exists()


def test_importing_the_library_touches_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, threading, canvas_sync_instrumentation\n"
        "assert threading.active_count() == 1\n"
        "for name in ('flask', 'requests', 'canvasapi', 'grpc', 'alembic', 'apscheduler'):\n"
        "    assert name not in sys.modules, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_exit_keeps_its_budget_while_collector_and_database_are_silent() -> None:
    code = (
        "import time\n"
        "from canvas_sync_instrumentation import CanvasSyncMetricsTracker\n"
        "with CanvasSyncMetricsTracker('t1', 42) as run:\n"
        "    run.record_api_call('GET', '/api/v1/courses', 200, 0.1)\n"
        "print(time.time())\n"
    )
    assert Settings().exit_timeout_seconds < 2
    with silent_collector() as endpoint:
        environ = {
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "120",
            "CANVAS_SYNC_DATABASE_URL": endpoint.replace("http:", "postgresql:")
            + "/canvas?connect_timeout=120",
        }
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
        )
        ended = time.time()
    assert done.returncode == 0, done.stderr
    assert ended - float(done.stdout) < 60, "waited for the timeouts of others"


def test_internal_errors_do_not_fill_the_apps_log(caplog: pytest.LogCaptureFixture) -> None:
    monitor_with(Settings(), broken=BrokenSink())
    with caplog.at_level(logging.DEBUG), CanvasSyncMetricsTracker("t1", 42) as run:
        for _ in range(100):
            run.record_course(created=True)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("sampler", "flags"), [("always_on", "01"), ("always_off", "00")])
def test_a_traced_process_hands_on_its_own_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str, flags: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)  # the SDK reads it there
    with http_receiver() as receiver:
        configure(environ=receiver.environ, log_dir=tmp_path)
        with CanvasSyncMetricsTracker("t1", 42) as run:
            (header,) = trace_headers().values()
        shutdown(60)
    assert header.split("-")[1::2] == [run.trace_id, flags]
