"""The version of the exporter and of its Python."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.version import VERSION

from .families import family

__all__ = ["BuildInfoCollector"]


class BuildInfoCollector(Collector):
    """Serves one gauge, always 1, whose labels are the versions."""

    def collect(self) -> Iterable[Metric]:
        """Return the gauge."""
        yield family(MetricName.BUILD_INFO, {(VERSION, platform.python_version()): 1.0})
