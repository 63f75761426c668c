"""Sends a test message to one channel, at once and without the outbox."""

from __future__ import annotations

from datetime import datetime

from canvas_sync_core.names import MessageKind, MessageState
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_exporter.config_file.links import LinkSettings

from .channel import Channel, OutgoingMessage
from .content import Content, Fact, Link, Section, Status
from .delivery import delivery_key
from .formats import Formats
from .stored_content import to_json

__all__ = ["send_test"]


def send_test(
    channel: Channel, links: LinkSettings, formats: Formats, author: str, now: datetime
) -> Message:
    """Send a test message.

    Args:
        channel: Where to.
        links: Where links lead.
        formats: How times are written.
        author: Who sends it.
        now: The time.

    Returns:
        The message that was delivered.

    Raises:
        DeliveryError: It was not delivered.
    """
    content = _content(channel.name, links, formats, author, now)
    message = Message(
        kind=MessageKind.TEST,
        subject=author,
        period=now.isoformat(),
        channel=channel.name,
        state=MessageState.SENT,
        content=to_json(content),
        created_at=now,
        attempts=1,
        next_attempt_at=now,
        sent_at=now,
    )
    channel.send(OutgoingMessage(key=delivery_key(message), content=content))
    return message


def _content(
    name: str, links: LinkSettings, formats: Formats, author: str, now: datetime
) -> Content:
    facts = (
        Fact("Destination", name),
        Fact("Sent by", author),
        Fact("At", formats.moment(now)),
    )
    page = links.page_url
    return Content(
        kind=MessageKind.TEST,
        title="Test message from canvas-sync-monitor",
        summary="This destination receives messages. Nothing is wrong.",
        status=Status.GOOD,
        sections=(Section(facts=facts),),
        links=() if page is None else (Link("Incidents", f"{page}/incidents"),),
        footer=f"Times are in {formats.zone_name(now)}.",
    )
