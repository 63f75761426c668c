"""The size of the five logs on disk, by their directory entries alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.names import Log
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.logs.on_disk import files_on_disk

from .families import family

__all__ = ["LogFilesCollector"]


class LogFilesCollector(Collector):
    """Serves the bytes of each log on disk, as the cleanup's status counts them.

    Args:
        folder: The log folder; if it is missing, every log has 0 bytes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return one sample for each log."""
        yield family(
            MetricName.LOG_BYTES,
            {(log,): sum(file.bytes for file in files_on_disk(self._folder, log)) for log in Log},
        )
