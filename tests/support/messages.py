"""Messages, made without an incident or a report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from canvas_sync_core.store.messages.tables import Message

__all__ = ["CREATED", "message"]

CREATED = datetime(2026, 3, 2, 2, 30, 0, 123456, tzinfo=UTC)


def message(subject: str = "failing full", period: str = "opened", **changes: Any) -> Message:
    """A message about an incident that is due at once, but for ``changes``."""
    defaults: dict[str, Any] = {
        "kind": "incident",
        "channel": "slack",
        "content": {"title": "The sync full fails."},
        "created_at": CREATED,
        "next_attempt_at": CREATED,
    }
    return Message(subject=subject, period=period, **{**defaults, **changes})
