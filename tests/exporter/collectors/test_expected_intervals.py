"""How often syncs are expected, as alerts read it."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.names import FINAL_STATUSES
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.expected_intervals import ExpectedIntervalsCollector
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.zero_counters import start_counters
from support.metric_processes import samples


def test_each_sync_type_has_its_interval_in_seconds() -> None:
    collector = ExpectedIntervalsCollector((("full", 86400), ("incremental", 3600)))
    assert samples(collector) == {
        f'{MetricName.EXPECTED_INTERVAL}{{sync_type="full"}}': 86400.0,
        f'{MetricName.EXPECTED_INTERVAL}{{sync_type="incremental"}}': 3600.0,
    }


def test_nothing_is_served_when_nothing_is_expected() -> None:
    assert samples(ExpectedIntervalsCollector(())) == {}


def test_runs_of_an_expected_type_are_counted_from_0_before_its_first_one(tmp_path: Path) -> None:
    """So that alerts see the first failure, however short that run was."""
    environ = {
        "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
        "CANVAS_SYNC_EXPECTED_INTERVALS": "full=24h",
    }
    config = configuration(environ)
    start_counters(config)
    values = samples(SyncProcessCollector(config.app.metrics_folder))
    runs = {name: value for name, value in values.items() if name.startswith(MetricName.RUNS)}
    assert runs == {
        f'{MetricName.RUNS}{{status="{status}",sync_type="full"}}': 0.0 for status in FINAL_STATUSES
    }
