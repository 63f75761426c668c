"""The size of the five logs on disk, by their directory entries alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_instrumentation.names import METRICS, Log, MetricName

__all__ = ["LogFilesCollector"]


class LogFilesCollector(Collector):
    """Serves the bytes of each log with its backups (``<log>.log``, ``<log>.log.1``, ...).

    Args:
        folder: The log folder; while it is missing every log has 0 bytes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Give one sample for each log."""
        sizes = dict.fromkeys(Log, 0)
        for name, size in file_sizes(self._folder):
            stem, dot, number = name.partition(".log")
            if dot and stem in sizes and (not number or number[1:].isdecimal()):
                sizes[Log(stem)] += size
        spec = METRICS[MetricName.LOG_BYTES]
        family = GaugeMetricFamily(MetricName.LOG_BYTES, spec.help, labels=spec.labels)
        for log, size in sizes.items():
            family.add_metric([log], size)
        yield family


def file_sizes(folder: Path) -> Iterable[tuple[str, int]]:
    """Give name and bytes of the regular files of ``folder``; none while it is missing.

    A file that is removed meanwhile is left out.

    Raises:
        OSError: The folder is there but cannot be read.
    """
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    yield entry.name, entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
