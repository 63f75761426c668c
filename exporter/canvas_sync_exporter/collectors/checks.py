"""Whether the exporter is working, check by check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName

from .families import family

__all__ = ["ChecksCollector"]


class ChecksCollector(Collector):
    """Serves the checks of health.

    Args:
        run: Runs the checks; returns name -> whether it is fine.
    """

    def __init__(self, run: Callable[[], Mapping[str, bool]]) -> None:
        self._run = run

    def collect(self) -> Iterable[Metric]:
        """Return one sample for each check."""
        yield family(
            MetricName.EXPORTER_CHECK, {(name,): float(ok) for name, ok in self._run().items()}
        )
