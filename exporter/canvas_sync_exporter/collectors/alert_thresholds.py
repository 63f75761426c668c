"""The thresholds of the configuration file that alert rules of Prometheus compare with."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.config_file.alerts import AlertSettings

from .families import family

__all__ = ["AlertThresholdsCollector"]


class AlertThresholdsCollector(Collector):
    """Serves one gauge.

    Args:
        alerts: The settings that the alert rules depend on.
    """

    def __init__(self, alerts: AlertSettings) -> None:
        self._alerts = alerts

    def collect(self) -> Iterable[Metric]:
        """Return the share of requests to Canvas that may fail."""
        yield family(MetricName.API_ERROR_BUDGET, {(): self._alerts.error_budget})
