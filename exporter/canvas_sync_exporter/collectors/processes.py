"""The combined metrics of live and dead sync processes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.locks import Lock
from canvas_sync_core.metrics.folding import MetricFolder
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.metrics.totals import Totals
from canvas_sync_core.schema.metrics import MetricName

from .families import family
from .samples import FamilyBuilder

__all__ = ["ProcessCollector"]

_logger = logging.getLogger(__name__)


class ProcessCollector(Collector):
    """Serves the metrics of all processes of a folder; counters never decrease when one ends.

    It is thread-safe, and several exporters may share the folder.

    Args:
        folder: The folder of the metric files; it may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder
        self._keys = SampleKeys()
        self._folder = MetricFolder(folder, self._keys)
        self._builder = FamilyBuilder(self._keys)
        self._fold_failures = 0
        self._mutex = Lock()

    def collect(self) -> Iterable[Metric]:
        """Fold the files of dead processes, then add up everything.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read.
        """
        with self._mutex:
            totals = self._read() if self._path.is_dir() else Totals()
            families = self._builder.families(totals)
        yield from families
        yield from self._own_families()

    def sums(self, name: str, label: str) -> dict[str, float]:
        """Add up the values of a counter by one of its labels.

        Args:
            name: The counter, or the ``_sum`` of a histogram.
            label: One of its labels.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read.
        """
        with self._mutex:
            totals = self._folder.read() if self._path.is_dir() else Totals()
        found: dict[str, float] = {}
        for kind in ("counter", "histogram"):
            for raw, value in totals.values.get(kind, {}).items():
                key = self._keys.parse(raw)
                if key.sample == name:
                    value_of_label = dict(key.labels)[label]
                    found[value_of_label] = found.get(value_of_label, 0.0) + value
        return found

    def fold(self) -> int:
        """Fold the files of dead processes and return their number.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read or written.
        """
        with self._mutex:
            return self._folder.fold() if self._path.is_dir() else 0

    def _read(self) -> Totals:
        if self._folder.needs_fold():
            try:
                self._folder.fold()
            except OSError:
                # For instance, the disk is full: the sums are correct without folding, only slower.
                self._fold_failures += 1
                _logger.exception("The files in %s could not be folded.", self._path)
        return self._folder.read()

    def _own_families(self) -> Iterable[Metric]:
        yield family(MetricName.BROKEN_FILES, {(): self._folder.broken_files})
        yield family(MetricName.FOLD_FAILURES, {(): self._fold_failures})
        yield family(MetricName.STATE_RECOVERIES, {(): self._folder.recoveries})
