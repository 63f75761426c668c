"""The difference between the clocks of live sync processes and Canvas's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.metrics.reading import FileReader
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.metrics.totals import PER_PROCESS_KIND
from canvas_sync_core.schema.metrics import MetricName

from .families import family

__all__ = ["ClockSkewCollector", "read_clock_skew"]


class ClockSkewCollector(Collector):
    """Serves the value of the live process that is farthest from 0.

    Each process proves a difference only as far as its latest response allows, so the largest one
    is closest to the truth.

    Args:
        folder: The folder of the metric files; without it there is no value.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the one sample, if there is one.

        Raises:
            OSError: The folder cannot be read.
        """
        skew = read_clock_skew(self._folder)
        yield family(MetricName.CLOCK_SKEW, {} if skew is None else {(): skew})


def read_clock_skew(folder: Path) -> float | None:
    """Return the clock skew in seconds that is farthest from 0; None when no process knows any.

    Args:
        folder: The folder of the metric files.

    Raises:
        OSError: The folder cannot be read.
    """
    return max(_skews(folder), key=abs, default=None)


def _skews(folder: Path) -> Iterator[float]:
    if not folder.is_dir():
        return
    reader = FileReader(folder, SampleKeys())
    for name in reader.names():
        reading = reader.read(name) if name.startswith(f"{PER_PROCESS_KIND}_") else None
        if reading is None or reading.dead:
            continue
        for key, value in zip(reading.keys, reading.values, strict=True):
            if key.metric == MetricName.CLOCK_SKEW and not math.isnan(value):
                yield value
