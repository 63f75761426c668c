"""Free space on the disk of the log folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.logs.status import free_bytes

from .families import family

__all__ = ["LogDiskCollector"]


class LogDiskCollector(Collector):
    """Serves the free bytes of the disk with the logs and, by default, the state.

    Args:
        folder: The log folder; while it is missing, the nearest folder above it that exists counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the one sample.

        Raises:
            OSError: The disk cannot be read.
        """
        yield family(MetricName.LOG_DISK_FREE, {(): free_bytes(self._folder)})
