"""How often each sync type is expected to succeed, from the settings."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName

from .families import family

__all__ = ["ExpectedIntervalsCollector"]


class ExpectedIntervalsCollector(Collector):
    """Serves the expected intervals, for alerts that compare with them.

    Args:
        intervals: Sync types with their interval in seconds.
    """

    def __init__(self, intervals: Iterable[tuple[str, int]]) -> None:
        self._intervals = tuple(intervals)

    def collect(self) -> Iterable[Metric]:
        """Return one sample for each sync type."""
        yield family(
            MetricName.EXPECTED_INTERVAL, {(name,): seconds for name, seconds in self._intervals}
        )
