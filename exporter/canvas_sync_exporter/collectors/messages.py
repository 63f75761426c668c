"""The number of messages by channel and state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.names import MessageState
from canvas_sync_core.schema.metrics import MetricName

from .families import family

__all__ = ["MessagesCollector"]


class MessagesCollector(Collector):
    """Serves the numbers that were last read, without waiting for a database.

    Args:
        counts: Returns the number of messages by channel and state.
    """

    def __init__(self, counts: Callable[[], Mapping[tuple[str, MessageState], int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Return a sample for each channel and state."""
        counts = self._counts().items()
        values: dict[tuple[str, ...], float] = {
            (channel, state.value): count for (channel, state), count in counts
        }
        yield family(MetricName.MESSAGES, values)
