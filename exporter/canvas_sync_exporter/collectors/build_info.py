"""Which version of this project serves the metrics, on which Python."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.version import VERSION

__all__ = ["BUILD_INFO", "BuildInfoCollector"]

BUILD_INFO: Final = "canvas_sync_exporter_build_info"


class BuildInfoCollector(Collector):
    """Serves one gauge, always 1, whose labels say what runs."""

    def __init__(self) -> None:
        self._labels = [VERSION, platform.python_version()]

    def collect(self) -> Iterable[Metric]:
        """Give the gauge."""
        family = GaugeMetricFamily(
            BUILD_INFO, "The exporter's version and its Python's.", labels=["version", "python"]
        )
        family.add_metric(self._labels, 1.0)
        yield family
