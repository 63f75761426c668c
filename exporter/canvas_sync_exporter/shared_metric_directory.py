"""The metric files of all processes, for all who read them in one process."""

from __future__ import annotations

import logging
from pathlib import Path

from canvas_sync_core.locks import Lock
from canvas_sync_core.metrics.metric_directory import MetricDirectory
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.metrics.totals import MetricTotals

__all__ = ["SharedMetricDirectory"]

_logger = logging.getLogger(__name__)


class SharedMetricDirectory:
    """Reads and folds metric files. Thread-safe; several exporters may share the folder.

    Tens of thousands of keys take megabytes, so all readers of a process share one of these.

    Args:
        folder: The folder of the metric files; it may be missing.

    Attributes:
        fold_failures: Number of times that :meth:`fold_and_read` could not fold.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder
        self._folder = MetricDirectory(folder, SampleKeys())
        self._mutex = Lock()
        self.fold_failures = 0

    @property
    def broken_files(self) -> int:
        """Number of broken files found so far."""
        return self._folder.broken_files

    @property
    def recoveries(self) -> int:
        """Number of times that the state had to be read from its second copy."""
        return self._folder.recoveries

    def read(self) -> MetricTotals:
        """Add up everything.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read.
        """
        with self._mutex:
            return self._folder.read() if self._path.is_dir() else MetricTotals()

    def fold(self) -> int:
        """Fold the files of dead processes and return their number.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read or written.
        """
        with self._mutex:
            return self._folder.fold() if self._path.is_dir() else 0

    def fold_and_read(self) -> MetricTotals:
        """Fold the files of dead processes, if there are any, then add up everything.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read.
        """
        with self._mutex:
            if not self._path.is_dir():
                return MetricTotals()
            if self._folder.needs_fold():
                try:
                    self._folder.fold()
                except OSError:
                    # For instance, the disk is full: the sums are correct without folding, only
                    # slower.
                    self.fold_failures += 1
                    _logger.exception("The files in %s could not be folded.", self._path)
            return self._folder.read()

    def sums(self, name: str, label: str) -> dict[str, float]:
        """Add up the values of a counter by one of its labels.

        Args:
            name: The counter, or the ``_sum`` of a histogram.
            label: One of its labels.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read.
        """
        totals = self.read()
        found: dict[str, float] = {}
        for kind in ("counter", "histogram"):
            for key, value in totals.values.get(kind, {}).items():
                if key.sample == name:
                    value_of_label = dict(key.labels)[label]
                    found[value_of_label] = found.get(value_of_label, 0.0) + value
        return found
