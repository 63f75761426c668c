"""Messages, made without an outbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from canvas_sync_core.names import MessageKind
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.reading import known_incidents
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_exporter.messages.content import Content, Status
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.incident_content import Event, IncidentWriter, Notice
from canvas_sync_exporter.messages.stored_content import to_json

__all__ = ["CREATED", "all_incident_messages", "content", "filled", "message"]

CREATED = datetime(2026, 3, 2, 2, 30, 0, 123456, tzinfo=UTC)


def message(subject: str = "failing full", period: str = "opened", **changes: Any) -> Message:
    """A message about an incident that is due at once, except for ``changes``."""
    defaults: dict[str, Any] = {
        "kind": "incident",
        "channel": "slack",
        "content": {"title": "The sync full fails."},
        "created_at": CREATED,
        "next_attempt_at": CREATED,
    }
    return Message(subject=subject, period=period, **{**defaults, **changes})


def content(title: str) -> dict[str, Any]:
    """Return a stored content."""
    made = Content(kind=MessageKind.INCIDENT, title=title, summary="It is.", status=Status.WARNING)
    return to_json(made)


def filled(subject: str = "failing full", period: str = "opened", **changes: Any) -> Message:
    """Return a message to the test channel, whose title is its subject."""
    defaults = {"channel": "test", "content": content(subject)}
    return message(subject, period, **defaults | changes)


def all_incident_messages(database_url: str) -> str:
    """Write every message about each incident in the database, as the outbox stores it."""
    engine = open_engine(database_url)
    writer = IncidentWriter(Formats("en_GB", UTC))
    now = datetime.now(UTC)
    try:
        incidents = known_incidents(engine, now - timedelta(days=7))
        notices = [Notice(each, event) for each in incidents for event in Event]
        contents = [writer.digest(notices, now), *(writer.write(each, now) for each in notices)]
        return json.dumps(list(map(to_json, contents)), ensure_ascii=False)
    finally:
        engine.dispose()
