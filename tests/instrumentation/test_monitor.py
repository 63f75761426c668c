"""Wiring, failures of sinks, and the end of a process."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.events import Event, ItemsRecorded, RunEnded
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.names import RunStatus
from canvas_sync_core.settings import Settings
from canvas_sync_instrumentation.monitor import configure, shutdown
from canvas_sync_instrumentation.open_sinks import Sinks
from canvas_sync_instrumentation.outputs.spans import SpanSink
from canvas_sync_instrumentation.propagation import trace_headers
from canvas_sync_instrumentation.testing import MemorySink
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.monitors import monitor_with
from support.otlp import http_receiver, silent_collector


class BrokenSink(MemorySink):
    """A sink with a bug."""

    def handle(self, event: Event) -> None:
        raise ZeroDivisionError("a bug of ours")


def exposition(folder: Path) -> str:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]  # has no types
    return generate_latest(registry).decode()


def test_a_sink_that_fails_is_counted_and_reported_once_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = MemorySink()
    metrics = MetricsSink(tmp_path)
    monitor_with(Settings(), broken=BrokenSink(), memory=memory, metrics=metrics)
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_course(created=True)
    assert any(isinstance(event, RunEnded) for event in memory.events)
    text = exposition(tmp_path)
    line = 'canvas_sync_telemetry_dropped_total{reason="internal_error",sink="other"} 5.0'
    assert line in text
    assert len([record for record in caplog.records if "broken" in record.message]) == 1


def test_failures_that_cannot_be_counted_stay_away_from_the_sync_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = MemorySink()
    metrics = MetricsSink(tmp_path)
    monitor_with(Settings(), metrics=metrics, memory=memory)
    for method in ("handle", "count_dropped"):
        monkeypatch.setattr(metrics, method, BrokenSink().handle)
    with CanvasSyncMetricsTracker("", "nobody") as run:  # type: ignore[arg-type]
        run.record_course(-1, created=True)
    (end,) = (event for event in memory.events if isinstance(event, RunEnded))
    assert end.snapshot.status is RunStatus.SUCCESS


def test_a_failing_sink_raises_in_strict_mode() -> None:
    monitor_with(Settings(strict=True), broken=BrokenSink())
    with pytest.raises(ZeroDivisionError):
        CanvasSyncMetricsTracker("t1", 42)
    with pytest.raises(ZeroDivisionError):
        shutdown()


class OutOfTimeError(Exception):
    """What a signal handler of the app raises."""


class InterruptedSink(MemorySink):
    """Gets the signal in the middle of its work."""

    def handle(self, event: Event) -> None:
        if isinstance(event, ItemsRecorded):
            signal.raise_signal(signal.SIGALRM)


@pytest.mark.parametrize("bound", [False, True])
def test_what_a_signal_handler_of_the_app_raises_inside_telemetry_is_the_syncs(bound: bool) -> None:
    """As the soft time limit of Celery is."""

    class App:
        def stop(self, *_: object) -> None:
            raise OutOfTimeError

    def stop(*_: object) -> None:
        raise OutOfTimeError

    monitor_with(Settings(), interrupted=InterruptedSink())
    before = signal.signal(signal.SIGALRM, App().stop if bound else stop)
    try:
        with pytest.raises(OutOfTimeError), CanvasSyncMetricsTracker("t1", 42) as run:
            run.record_course(created=True)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_changed_folder_of_metrics_is_reported_rather_than_silently_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(first))
    for number in range(2):
        with CanvasSyncMetricsTracker(f"before {number}", 42):
            pass
    assert caplog.text == ""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(second))
    for number in range(2):
        with CanvasSyncMetricsTracker(f"after {number}", 42):
            pass
    (warning,) = caplog.messages
    assert f"the metrics of this process stay in {first}," in warning
    assert "call configure() after changing it" in warning
    configure()
    with CanvasSyncMetricsTracker("configured", 42):
        pass
    assert len(caplog.messages) == 1
    assert list(second.glob("counter_*.db"))


@pytest.mark.parametrize("is_first", [True, False])
def test_prometheus_client_may_be_imported_before_the_folder_is_set_or_after(
    tmp_path: Path, is_first: bool
) -> None:
    """Its own metrics would be kept in memory, and lost, when it was first."""
    lines = [
        "import prometheus_client",
        f"import os; os.environ['PROMETHEUS_MULTIPROC_DIR'] = {str(tmp_path / 'metrics')!r}",
    ]
    code = (
        "; ".join(lines if is_first else reversed(lines))
        + "; from canvas_sync_instrumentation import CanvasSyncMetricsTracker"
        + "; CanvasSyncMetricsTracker('t1', 42).complete_success()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    text = exposition(tmp_path / "metrics")
    assert 'canvas_sync_runs_total{status="success",sync_type="full"} 1.0' in text


def test_a_monitor_that_cannot_be_set_up_is_reported_once_and_records_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def open_no_sinks(settings: Settings, environ: Mapping[str, str]) -> Sinks:
        if settings.enabled:
            raise RuntimeError("can't start new thread")
        return Sinks(SpanSink())

    shutdown()
    monkeypatch.setattr("canvas_sync_instrumentation.monitor.open_sinks", open_no_sinks)
    for _ in range(2):
        with CanvasSyncMetricsTracker("t1", 42):
            pass
    (message,) = caplog.messages
    assert message.startswith("Nothing is recorded. RuntimeError: can't start new thread\n")
    with pytest.raises(RuntimeError, match="can't start"):
        configure()


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


def test_a_folder_that_cannot_be_made_stops_nothing_and_each_loss_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    configure(log_dir=blocker / "logs", strict=False)
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_course(created=True)
    shutdown(1)
    for message in (
        "Metrics cannot be written",
        "Rows of sync runs wait",
        "operations.log cannot be written",
        "Lost 1 row of sync runs",
        "Lost 2 lines of " + str(blocker / "logs" / "progress.log"),
        "metric series or files: they could not be written",
    ):
        assert caplog.text.count(message) == 1 + (message == "Rows of sync runs wait"), message


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
            "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "",
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
def test_a_traced_process_passes_on_its_own_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str, flags: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)  # the SDK reads it there
    with http_receiver() as receiver:
        configure(environ=receiver.environ, log_dir=tmp_path)
        with CanvasSyncMetricsTracker("t1", 42) as run:
            (header,) = trace_headers().values()
        shutdown(60)
    assert header.split("-")[1::2] == [run.trace_id, flags]
