"""Whether this exporter sends messages about incidents, so that Alertmanager need not."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.config_file.messages import MessageSettings

from .families import family

__all__ = ["SendsIncidentsCollector"]


class SendsIncidentsCollector(Collector):
    """Serves one gauge.

    Args:
        messages: What the exporter sends, and to whom.
    """

    def __init__(self, messages: MessageSettings) -> None:
        self._messages = messages

    def collect(self) -> Iterable[Metric]:
        """Return 1 if at least one destination receives incidents, and 0 otherwise."""
        yield family(MetricName.SENDS_INCIDENTS, {(): float(bool(self._messages.for_incidents))})
