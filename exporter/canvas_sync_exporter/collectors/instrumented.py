"""Combines several collectors, none of which can break the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName

from .families import family

__all__ = ["InstrumentedCollector"]

_logger = logging.getLogger(__name__)


class InstrumentedCollector(Collector):
    """Several collectors as one, with the success and the duration of each.

    A collector that fails is logged and shown as 0 in ``canvas_sync_exporter_collector_success``,
    without affecting the others.

    Args:
        collectors: Each collector by the value of its ``collector`` label.
    """

    def __init__(self, collectors: Mapping[str, Collector]) -> None:
        self._collectors = dict(collectors)

    def collect(self) -> Iterable[Metric]:
        """Collect from all of them."""
        success: dict[tuple[str, ...], float] = {}
        duration: dict[tuple[str, ...], float] = {}
        for name, collector in self._collectors.items():
            start = time.perf_counter()
            families = _collect(name, collector)
            duration[name,] = time.perf_counter() - start
            success[name,] = 0.0 if families is None else 1.0
            yield from families or ()
        yield family(MetricName.COLLECTOR_SUCCESS, success)
        yield family(MetricName.COLLECTOR_DURATION, duration)


def _collect(name: str, collector: Collector) -> list[Metric] | None:
    try:
        return list(collector.collect())
    except Exception:  # the boundary: no collector may break the scrape
        _logger.exception("The collector %s failed; the others are served without it.", name)
        return None
