"""How often each sync type is expected to succeed, as the settings say."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.names import METRICS, MetricName

__all__ = ["ExpectedIntervalsCollector"]


class ExpectedIntervalsCollector(Collector):
    """Serves the expected intervals, for alerts that compare with them.

    Args:
        intervals: Sync types with their interval in seconds.
    """

    def __init__(self, intervals: Iterable[tuple[str, int]]) -> None:
        self._intervals = tuple(intervals)

    def collect(self) -> Iterable[Metric]:
        """Give one sample for each sync type."""
        spec = METRICS[MetricName.EXPECTED_INTERVAL]
        family = GaugeMetricFamily(MetricName.EXPECTED_INTERVAL, spec.help, labels=spec.labels)
        for sync_type, seconds in self._intervals:
            family.add_metric([sync_type], seconds)
        yield family
