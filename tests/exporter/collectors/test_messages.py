"""The number of messages by channel and state."""

from __future__ import annotations

from canvas_sync_core.names import MessageState
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.messages import MessagesCollector
from support.metric_processes import samples


def test_messages_are_counted_by_channel_and_state() -> None:
    counts = {("slack", MessageState.SENT): 3, ("email", MessageState.GIVEN_UP): 1}
    assert samples(MessagesCollector(lambda: counts)) == {
        f'{MetricName.MESSAGES}{{channel="slack",state="sent"}}': 3.0,
        f'{MetricName.MESSAGES}{{channel="email",state="given_up"}}': 1.0,
    }
