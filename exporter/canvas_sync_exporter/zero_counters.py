"""Counters that alerts read exist as 0 before the first sync."""

from __future__ import annotations

from canvas_sync_core.files.modes import make_folder
from canvas_sync_core.metrics import MetricFiles

from .settings import Configuration

__all__ = ["start_counters"]


def start_counters(config: Configuration) -> None:
    """Create counters as 0 before the first sync, so that alerts see the first failure.

    This includes the counters of runs, for the expected sync types.

    Args:
        config: Where the metric files are, and which sync types are expected.

    Raises:
        OSError: The folder of the metric files cannot be created or written.
    """
    make_folder(config.app.metrics_folder)
    metrics = MetricFiles(config.app.metrics_folder)
    with metrics.lock:
        metrics.start_at_zero()
        for sync_type, _ in config.exporter.expected_intervals:
            metrics.start_at_zero(sync_type=sync_type)
        metrics.close()
