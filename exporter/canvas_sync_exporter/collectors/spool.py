"""The size of the rows that wait for the database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.spool.delivery import waiting_bytes

from .families import family

__all__ = ["SpoolCollector"]


class SpoolCollector(Collector):
    """Serves the size of the rows that wait in the spool files of all processes, live and dead.

    Args:
        folder: The spool folder; 0 while it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the one sample.

        Raises:
            OSError: The folder cannot be read.
        """
        yield family(MetricName.SPOOL_BYTES, {(): waiting_bytes(self._folder)})
