"""The combined metrics of live and dead sync processes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.locks import Lock
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from .families import family
from .metric_file_families import MetricFileFamilies

__all__ = ["SyncProcessCollector"]


class SyncProcessCollector(Collector):
    """Serves the metrics of all processes of a folder; counters never decrease when one ends.

    It is thread-safe, and several exporters may share the folder.

    Args:
        folder: The folder of the metric files; it may be missing.

    Attributes:
        files: Reads the files.
    """

    def __init__(self, folder: Path) -> None:
        self.files = SharedMetricDirectory(folder)
        self._families = MetricFileFamilies()
        self._mutex = Lock()

    def collect(self) -> Iterable[Metric]:
        """Fold the files of dead processes, then add up everything.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read.
        """
        with self._mutex:
            families = self._families.build(self.files.fold_and_read())
        yield from families
        yield from self._own_families()

    def _own_families(self) -> Iterable[Metric]:
        yield family(MetricName.BROKEN_FILES, {(): self.files.broken_files})
        yield family(MetricName.FOLD_FAILURES, {(): self.files.fold_failures})
        yield family(MetricName.STATE_RECOVERIES, {(): self.files.recoveries})
