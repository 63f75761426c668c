"""The thresholds of the configuration file on ``/metrics``."""

from __future__ import annotations

import pytest

from canvas_sync_exporter.collectors.alert_thresholds import AlertThresholdsCollector
from canvas_sync_exporter.config_file.alerts import AlertSettings


@pytest.mark.parametrize(
    ("settings", "budget"), [(AlertSettings(), 0.01), (AlertSettings(api_goal=99.95), 0.0005)]
)
def test_the_error_budget_is_what_the_goal_leaves(settings: AlertSettings, budget: float) -> None:
    (metric,) = AlertThresholdsCollector(settings).collect()
    assert [sample.value for sample in metric.samples] == [budget]
