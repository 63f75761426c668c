"""Reads messages: lists page by page, those about some subjects, and figures by channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, select

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.cursors import ListPage, page_newest_first
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.missing_tables import explain_missing

from .failing_channel import FailingChannel
from .tables import Message, messages_table, to_message

__all__ = [
    "MessageFilter",
    "count_messages",
    "failing_channels",
    "message_page",
    "messages_about",
    "messages_since",
]

_SUBJECTS_AT_ONCE: Final = 500
_REMEMBERED_FOR: Final = timedelta(days=7)
_NOT_SKIPPED: Final = tuple(
    state.value for state in MessageState if state is not MessageState.SKIPPED
)
_columns = messages_table.c


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages to list; None means any.

    Attributes:
        since: Only those that were created then or later.
        until: Only those that were created before then.
    """

    state: MessageState | None = None
    channel: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that a row must meet."""
        wanted = {
            _columns.state: None if self.state is None else self.state.value,
            _columns.channel: self.channel,
            _columns.kind: self.kind,
        }
        conditions = [column == value for column, value in wanted.items() if value is not None]
        if self.since is not None:
            conditions.append(_columns.created_at >= self.since)
        if self.until is not None:
            conditions.append(_columns.created_at < self.until)
        return conditions


def message_page(
    engine: Engine, wanted: MessageFilter, limit: int, cursor: str | None = None
) -> ListPage[Message]:
    """List messages by when they were created, newest first.

    Raises:
        BadCursor: The cursor is not one of this list.
        StorageError: The database has no table of messages.
    """
    rows = select(messages_table).where(*wanted.conditions())
    key = (_columns.created_at, _columns.id)
    with _connect(engine) as connection:
        return page_newest_first(connection, rows, key, limit, cursor).map(to_message)


def messages_about(
    engine: Engine, kind: str, subjects: Collection[str], since: datetime
) -> list[Message]:
    """Return the messages about some subjects, in the order in which they were added.

    Args:
        engine: The database.
        kind: Their kind.
        subjects: What they are about.
        since: Messages that were created earlier are left out.

    Raises:
        StorageError: The database has no table of messages.
    """
    ordered = sorted(subjects)
    found: list[Message] = []
    with _connect(engine) as connection:
        for start in range(0, len(ordered), _SUBJECTS_AT_ONCE):
            some = ordered[start : start + _SUBJECTS_AT_ONCE]
            is_wanted = and_(
                _columns.created_at >= since, _columns.kind == kind, _columns.subject.in_(some)
            )
            statement = select(messages_table).where(is_wanted).order_by(_columns.id)
            found += map(to_message, connection.execute(statement))
    return found


def messages_since(engine: Engine, kind: str, since: datetime) -> list[Message]:
    """Return the messages of a kind that were created since a time, oldest first.

    Raises:
        StorageError: The database has no table of messages.
    """
    is_wanted = and_(_columns.kind == kind, _columns.created_at >= since)
    statement = select(messages_table).where(is_wanted).order_by(_columns.id)
    with _connect(engine) as connection:
        return [to_message(row) for row in connection.execute(statement)]


def failing_channels(engine: Engine, now: datetime) -> list[FailingChannel]:
    """Return the channels whose newest attempts failed, by name.

    Raises:
        StorageError: The database has no table of messages.
    """
    is_recent = _columns.created_at >= now - _REMEMBERED_FOR
    has_failed = and_(_columns.state.in_(_NOT_SKIPPED), _columns.last_error.is_not(None))
    successes = (
        select(_columns.channel, func.max(_columns.sent_at))
        .where(
            is_recent,
            _columns.state == MessageState.SENT.value,
            _columns.last_error.is_(None),
        )
        .group_by(_columns.channel)
    )
    failures = select(messages_table).where(is_recent, has_failed).order_by(_columns.id)
    with _connect(engine) as connection:
        delivered = {row[0]: row[1] for row in connection.execute(successes)}
        failed = [to_message(row) for row in connection.execute(failures)]
    by_channel: dict[str, list[Message]] = {}
    for each in failed:
        last = delivered.get(each.channel)
        if last is None or last < _failed_at(each):
            by_channel.setdefault(each.channel, []).append(each)
    return [_failing(channel, found) for channel, found in sorted(by_channel.items())]


def _failed_at(message: Message) -> datetime:
    """Return when a message was given up or partly sent, or since when it could not be sent."""
    if message.sent_at is not None:
        return message.sent_at
    is_over = message.state is MessageState.GIVEN_UP
    return message.next_attempt_at if is_over else message.created_at


def _failing(channel: str, messages: list[Message]) -> FailingChannel:
    states = Counter(each.state for each in messages)
    return FailingChannel(
        channel,
        min(each.created_at for each in messages),
        waiting=states[MessageState.WAITING] + states[MessageState.SENDING],
        given_up=states[MessageState.GIVEN_UP],
        reason=messages[-1].last_error or "",
        partly_sent=states[MessageState.SENT],
    )


def count_messages(engine: Engine) -> dict[tuple[str, MessageState], int]:
    """Return the number of messages by channel and state.

    Raises:
        StorageError: The database has no table of messages.
    """
    group = (_columns.channel, _columns.state)
    statement = select(*group, func.count()).group_by(*group)
    known = frozenset(MessageState)
    with _connect(engine) as connection:
        rows = connection.execute(statement).all()
    return {(row[0], MessageState(row[1])): row[2] for row in rows if row[1] in known}


@contextmanager
def _connect(engine: Engine) -> Iterator[Connection]:
    with explain_missing(engine, messages_table), connect_to_read(engine) as connection:
        yield connection
