"""Counters that alerts read exist before the first sync."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_core.names import AUTH_FAILURE_REASONS, DROP_REASONS
from canvas_sync_exporter.jobs.log_cleanup import clean_logs
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.zero_counters import start_counters
from support.recurring_jobs import metric_value


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")})


def test_counters_of_refusals_and_losses_exist_before_the_first_sync(config: Configuration) -> None:
    start_counters(config)
    for reason_ in AUTH_FAILURE_REASONS:
        assert metric_value(config, "canvas_sync_api_auth_failures_total", reason=reason_) == 0
    for sink, reasons in DROP_REASONS.items():
        for reason_ in reasons:
            labels = {"sink": sink, "reason": reason_}
            assert metric_value(config, "canvas_sync_telemetry_dropped_total", **labels) == 0


def test_counters_of_the_cleanup_exist_before_the_first(config: Configuration) -> None:
    (config.app.log_dir).mkdir(parents=True)
    start_counters(config)
    for status in ("success", "failed"):
        assert metric_value(config, "canvas_sync_cleanup_runs_total", status=status) == 0
    clean_logs(config)
    start_counters(config)
    assert metric_value(config, "canvas_sync_cleanup_runs_total", status="success") == 1
    assert metric_value(config, "canvas_sync_cleanup_reclaimed_bytes_total") == 0
