"""The endpoint about messages: what was sent, what waits, and what could not be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from canvas_sync_core.names import MessageKind, MessageState
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_exporter.messages.message_view import MessageView

from .context import WebContext
from .cursors import CURSOR, cursor_problems
from .endpoint import Endpoint
from .formats import FORMAT
from .parameters import choice, list_limit, text
from .period import TZ, range_of, read_period
from .problems import DATABASE_AWAY

__all__ = ["MessageApi", "MessageList"]

_STATE = choice("state", "Only messages in this state.", MessageState)
_KIND = choice("kind", "Only messages of this kind.", MessageKind)
_CHANNEL = text("channel", "Only messages to this channel.", 100)
_RANGE = range_of("was created")
_LIMIT = list_limit("messages")


@dataclass(frozen=True, slots=True)
class MessageList:
    """A page of a list, newest messages first.

    Attributes:
        next: Cursor of the next page; null on the last one.
    """

    items: list[MessageView]
    next: str | None


class MessageApi:
    """Answers from the table of messages.

    Args:
        context: Where it is.
    """

    def __init__(self, context: WebContext) -> None:
        self._engine = context.engine

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "messages",
                self.messages,
                "Messages of the exporter, newest first",
                MessageList,
                tag="messages",
                parameters=(_STATE, _KIND, _CHANNEL, *_RANGE, TZ, _LIMIT, CURSOR, FORMAT),
                problems=DATABASE_AWAY,
            ),
        )

    def messages(
        self,
        state: MessageState | None,
        kind: MessageKind | None,
        channel: str | None,
        limit: int,
        cursor: str | None,
        **period: Any,
    ) -> MessageList:
        """List messages."""
        created = read_period(period["since"], period["until"], period["tz"])
        wanted = MessageFilter(
            state,
            channel,
            None if kind is None else kind.value,
            since=created.since,
            until=created.until,
        )
        with cursor_problems():
            page = message_page(self._engine, wanted, limit, cursor)
        return MessageList([MessageView.of(each) for each in page.items], page.next)
