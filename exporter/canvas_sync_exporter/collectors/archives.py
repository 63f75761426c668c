"""The archives of the five logs, by their directory entries alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.names import METRICS, Log, MetricName
from canvas_sync_exporter.logs.archive import archives

__all__ = ["ArchivesCollector"]


class ArchivesCollector(Collector):
    """Serves number and bytes of each log's archives (``<log>-<time>.tar.gz``).

    Args:
        folder: The archive folder; while it is missing there are none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Give two samples for each log."""
        counts, sizes = dict.fromkeys(Log, 0), dict.fromkeys(Log, 0)
        for archive in archives(self._folder):
            counts[archive.log] += 1
            sizes[archive.log] += archive.size
        yield _family(MetricName.ARCHIVES, counts)
        yield _family(MetricName.ARCHIVE_BYTES, sizes)


def _family(name: MetricName, values: dict[Log, int]) -> Metric:
    spec = METRICS[name]
    family = GaugeMetricFamily(name, spec.help, labels=spec.labels)
    for log, value in values.items():
        family.add_metric([log], value)
    return family
