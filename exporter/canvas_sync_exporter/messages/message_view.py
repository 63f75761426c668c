"""A message as REST and the command line show it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.tables import Message

__all__ = ["MessageView"]


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message to one channel: columns of its row, and the title and summary of its content.

    Attributes:
        state: ``waiting``, ``sending``, ``sent``, ``given_up`` or ``skipped``.
        next_attempt_at: When it is sent; null unless it waits.
        may_be_repeated: Whether an earlier attempt may have delivered it although that was not
            noted.
        last_error: Why the last attempt failed, or which recipients a sent message did not reach;
            null if all is well.
    """

    id: int | None
    kind: str
    subject: str
    period: str
    channel: str
    state: MessageState
    title: str
    summary: str
    created_at: dt.datetime
    attempts: int
    next_attempt_at: dt.datetime | None
    sent_at: dt.datetime | None
    may_be_repeated: bool
    last_error: str | None

    @classmethod
    def of(cls, message: Message) -> MessageView:
        """Make the view of a message."""
        is_waiting = message.state is MessageState.WAITING
        return cls(
            id=message.id,
            kind=message.kind,
            subject=message.subject,
            period=message.period,
            channel=message.channel,
            state=message.state,
            title=str(message.content.get("title", "")),
            summary=str(message.content.get("summary", "")),
            created_at=message.created_at,
            attempts=message.attempts,
            next_attempt_at=message.next_attempt_at if is_waiting else None,
            sent_at=message.sent_at,
            may_be_repeated=message.may_be_repeated,
            last_error=message.last_error,
        )
