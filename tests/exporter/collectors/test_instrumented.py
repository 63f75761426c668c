"""Success and duration of each collector, and all of them together."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors import InstrumentedCollector, register_collectors
from canvas_sync_exporter.collectors.log_files import LogFilesCollector
from canvas_sync_exporter.settings import configuration
from support.metric_processes import read_samples, samples

SUCCESS = "canvas_sync_exporter_collector_success"
DURATION = "canvas_sync_exporter_collector_duration_seconds"


class HalfWay(Collector):
    """Fails after its first family."""

    def collect(self) -> Iterable[Metric]:
        """Give one family, then fail."""
        yield GaugeMetricFamily("half", "Half of it.", value=1)
        raise OSError("the rest is gone")


def test_a_collector_that_fails_leaves_the_others_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is served not at all, is shown as failed and is logged."""
    values = samples(
        InstrumentedCollector({"archives": HalfWay(), "log_files": LogFilesCollector(tmp_path)})
    )
    assert "half" not in values
    assert values[f'{SUCCESS}{{collector="archives"}}'] == 0
    assert values[f'{SUCCESS}{{collector="log_files"}}'] == 1
    assert values[f'{DURATION}{{collector="log_files"}}'] > 0
    assert values[f'{MetricName.LOG_BYTES}{{log="errors"}}'] == 0
    assert "The collector archives failed" in caplog.text


def test_all_collectors_are_served_from_an_empty_folder(tmp_path: Path) -> None:
    """Before the first sync every collector succeeds and the build is told."""
    registry = CollectorRegistry()
    environ = {"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")}
    register_collectors(registry, configuration(environ))
    values = read_samples(generate_latest(registry).decode())
    assert [value for name, value in values.items() if name.startswith(SUCCESS)] == [1.0] * 11
    assert any(name.startswith("canvas_sync_exporter_build_info{") for name in values)
    assert not os.path.lexists(tmp_path / "logs")
