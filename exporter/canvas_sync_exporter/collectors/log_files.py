"""The size of the five logs on disk, by their directory entries alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.names import METRICS, Log, MetricName
from canvas_sync_exporter.logs.on_disk import files_on_disk

__all__ = ["LogFilesCollector"]


class LogFilesCollector(Collector):
    """Serves the bytes of each log on disk, as the cleanup's status counts them.

    Args:
        folder: The log folder; while it is missing every log has 0 bytes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Give one sample for each log."""
        spec = METRICS[MetricName.LOG_BYTES]
        family = GaugeMetricFamily(MetricName.LOG_BYTES, spec.help, labels=spec.labels)
        for log in Log:
            files = files_on_disk(self._folder, log)
            family.add_metric([log], sum(file.bytes for file in files))
        yield family
