"""The archives of the five logs, by their directory entries alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.names import Log
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.logs.archive import archives

from .families import family

__all__ = ["ArchivesCollector"]


class ArchivesCollector(Collector):
    """Serves number and bytes of each log's archives (``<log>-<time>.tar.gz``).

    Args:
        folder: The archive folder; it may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return two samples for each log."""
        counts, sizes = dict.fromkeys(Log, 0), dict.fromkeys(Log, 0)
        for archive in archives(self._folder):
            counts[archive.log] += 1
            sizes[archive.log] += archive.size
        yield family(MetricName.ARCHIVES, {(log,): count for log, count in counts.items()})
        yield family(MetricName.ARCHIVE_BYTES, {(log,): size for log, size in sizes.items()})
