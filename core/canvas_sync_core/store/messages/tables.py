"""The table of messages, and a message as an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
)

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.stored_values import limit_count
from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime

__all__ = ["MESSAGES_METADATA", "Message", "MessageKey", "messages_table", "to_message", "to_row"]

MESSAGES_METADATA: Final = MetaData()
_MESSAGES: Final = "canvas_sync_messages"

messages_table: Final = Table(
    _MESSAGES,
    MESSAGES_METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("period", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("follows", String),
    Column("state", String, nullable=False),
    Column("content", JSON, nullable=False),
    Column("first_content", JSON(none_as_null=True)),
    Column("is_urgent", Boolean, nullable=False),
    Column("created_at", UtcSortedTime, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_attempt_at", UtcSortedTime, nullable=False),
    Column("interruptions", BigInteger, nullable=False),
    Column("may_be_repeated", Boolean, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("reference", Text),
    Column("last_error", Text),
    Index(f"uq_{_MESSAGES}_key", "kind", "subject", "period", "channel", unique=True),
    Index(f"ix_{_MESSAGES}_due", "state", "next_attempt_at"),
    Index(f"ix_{_MESSAGES}_created", "created_at", "id"),
)

MessageKey = tuple[str, str, str, str]
"""Kind, subject, period and channel, which identify a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to one channel. All times are in UTC.

    Attributes:
        id: The id of its row; None until it is written.
        kind: What it is about: an incident, a daily summary...
        subject: Which of them, such as the kind and subject of the incident.
        period: The time or event that it covers; messages about one subject differ in it.
        channel: The name of the channel that delivers it.
        follows: The ``period`` of the first message of the same thread; None for that message.
        state: What has become of it.
        content: What it holds.
        first_content: The new content of the first message of the thread; None to leave it alone.
        is_urgent: Whether it is sent during quiet hours too.
        created_at: When an exporter first wanted to send it.
        attempts: Number of attempts to send it, including the current one.
        next_attempt_at: When it is due; while it is being sent, when the claim expires.
        interruptions: How many times an exporter stopped while it sent this message.
        may_be_repeated: Whether an attempt may have delivered it although that was not noted.
        sent_at: When it was delivered.
        reference: What the channel returned, for later messages of the same thread.
        last_error: Why the last attempt failed; of a sent message, which recipients it did not
            reach.
    """

    id: int | None = None
    kind: str
    subject: str
    period: str
    channel: str
    follows: str | None = None
    state: MessageState = MessageState.WAITING
    content: Mapping[str, Any]
    first_content: Mapping[str, Any] | None = None
    is_urgent: bool = False
    created_at: datetime
    attempts: int = 0
    next_attempt_at: datetime
    interruptions: int = 0
    may_be_repeated: bool = False
    sent_at: datetime | None = None
    reference: str | None = None
    last_error: str | None = None

    @property
    def key(self) -> MessageKey:
        """What identifies it."""
        return self.kind, self.subject, self.period, self.channel


_NAMES: Final = tuple(each.name for each in fields(Message) if each.name != "id")


def to_row(message: Message) -> dict[str, Any]:
    """Return the columns of a message, without its id."""
    return {name: getattr(message, name) for name in _NAMES} | {"state": message.state.value}


def to_message(row: Row[Any]) -> Message:
    """Convert a row to a message, even if someone edited the row by hand."""
    columns: dict[str, Any] = dict(row._mapping)
    columns["state"] = _state(columns["state"])
    for name in ("attempts", "interruptions"):
        columns[name] = limit_count(columns[name])
    for name in ("is_urgent", "may_be_repeated"):
        columns[name] = bool(columns[name])
    return Message(**columns)


def _state(stored: str) -> MessageState:
    """Return a stored state; an unknown one counts as final, so that nothing is sent."""
    try:
        return MessageState(stored)
    except ValueError:
        return MessageState.SKIPPED
