"""Adds messages, claims them for sending, and records the outcome."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    delete,
    exists,
    false,
    or_,
    select,
    true,
    update,
)

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.conflicts import insert_on
from canvas_sync_core.store.missing_tables import explain_missing

from .tables import Message, messages_table, to_message, to_row

__all__ = [
    "CLAIM_LASTS",
    "INTERRUPTED_TWICE",
    "Claim",
    "add_messages",
    "claim_message",
    "copy_messages",
    "delete_messages",
    "finish_attempt",
    "give_up_elsewhere",
    "skip_waiting",
]

CLAIM_LASTS: Final = timedelta(minutes=3)
"""Longer than any attempt takes; after that, the exporter that claimed the message has died."""
INTERRUPTED_TWICE: Final = "The exporter stopped twice while it sent this message."
_MOST_INTERRUPTIONS: Final = 2
_CANDIDATES: Final = 10
_UNFINISHED: Final = (MessageState.WAITING.value, MessageState.SENDING.value)
_KEY: Final = ("kind", "subject", "period", "channel")
_columns = messages_table.c


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this exporter may send.

    Attributes:
        thread: What the channel returned for the first message of its thread; None if there is no
            such message, or it was not sent.
    """

    message: Message
    thread: str | None


def add_messages(
    engine: Engine,
    messages: Iterable[Message],
    further: Callable[[list[Message]], Iterable[Message]] = lambda _: (),
) -> list[Message]:
    """Add messages, in one transaction, and leave out those that another exporter has added.

    A new message replaces those to the same channel about the same subject that still wait.

    Args:
        engine: The database.
        messages: What to add.
        further: Returns more messages to add in the same transaction, given those that were added.

    Returns:
        All that this call has added.

    Raises:
        StorageError: The database has no table of messages.
        SQLAlchemyError: The database is unreachable, or its role may not write.
    """
    ordered = list(messages)
    if not ordered:
        return []
    with _writing(engine) as connection:
        added = _add(connection, ordered)
        return added + _add(connection, further(added))


def claim_message(
    engine: Engine, channel: str, now: datetime, *, urgent_only: bool = False
) -> Claim | None:
    """Claim the next due message of a channel, for :data:`CLAIM_LASTS`.

    Messages about the same subject are sent one after the other. If the claim of an exporter that
    died has expired, the message is marked as possibly repeated; after the second time it is given
    up, because the message itself may be what kills the exporter.

    Args:
        engine: The database.
        channel: The name of the channel.
        now: The time.
        urgent_only: Leave the other messages for later, because of quiet hours.

    Returns:
        The message, or None if none is due. Only one of several exporters gets it.

    Raises:
        StorageError: The database has no table of messages.
        SQLAlchemyError: The database is unreachable, or its role may not write.
    """
    with _writing(engine) as connection:
        statement = _due(channel, now, urgent_only=urgent_only)
        due = [to_message(row) for row in connection.execute(statement)]
        attempts = (_claim(connection, each, now) for each in due)
        claimed = next((each for each in attempts if each is not None), None)
        return None if claimed is None else Claim(claimed, _thread(connection, claimed))


def finish_attempt(engine: Engine, message: Message) -> bool:
    """Write the outcome of an attempt.

    Args:
        engine: The database.
        message: The message as it was claimed, but with its new state.

    Returns:
        False if the claim has expired and another exporter has the message.

    Raises:
        StorageError: The database has no table of messages.
        SQLAlchemyError: The database is unreachable, or its role may not write.
    """
    is_ours = and_(
        _columns.id == message.id,
        _columns.state == MessageState.SENDING.value,
        _columns.attempts == message.attempts,
    )
    with _writing(engine) as connection:
        result = connection.execute(update(messages_table).where(is_ours).values(to_row(message)))
        return result.rowcount == 1


def copy_messages(engine: Engine, messages: Iterable[Message]) -> None:
    """Add messages from another database; those that are final there become final here too.

    Raises:
        StorageError: The database has no table of messages.
        SQLAlchemyError: The database is unreachable, or its role may not write.
    """
    ordered = sorted(messages, key=lambda each: each.key)
    if not ordered:
        return
    with _writing(engine) as connection:
        statement = _upsert(connection.dialect.name)
        for each in ordered:
            connection.execute(statement, to_row(each))


def skip_waiting(engine: Engine, kind: str, subjects: Iterable[str]) -> None:
    """Do not send the messages about some subjects that have not been sent yet.

    Raises:
        StorageError: The database has no table of messages.
        SQLAlchemyError: The database is unreachable, or its role may not write.
    """
    ordered = sorted(subjects)
    if not ordered:
        return
    with _writing(engine) as connection:
        for subject in ordered:
            _skip(connection, _columns.kind == kind, _columns.subject == subject)


def give_up_elsewhere(
    engine: Engine, channels: Collection[str], before: datetime, reason: str
) -> None:
    """Give up the waiting messages to other channels that were created before a time.

    Args:
        engine: The database with the outbox.
        channels: Names of channels whose messages keep waiting.
        before: Newer messages keep waiting too.
        reason: Why, for people.

    Raises:
        StorageError: The database has no table of messages.
        SQLAlchemyError: The database is unreachable, or its role may not write.
    """
    is_left = and_(
        _columns.state == MessageState.WAITING.value,
        _columns.created_at < before,
        _columns.channel.not_in(sorted(channels)),
    )
    given_up = update(messages_table).where(is_left)
    with _writing(engine) as connection:
        connection.execute(given_up.values(state=MessageState.GIVEN_UP.value, last_error=reason))


def delete_messages(engine: Engine, before: datetime) -> None:
    """Delete the messages that were created before a time and wait no longer.

    Raises:
        StorageError: The database has no table of messages.
        SQLAlchemyError: The database is unreachable, or its role may not write.
    """
    is_old = and_(_columns.created_at < before, _columns.state.not_in(_UNFINISHED))
    with _writing(engine) as connection:
        connection.execute(delete(messages_table).where(is_old))


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    locked = engine.execution_options(canvas_sync_immediate=True)
    with explain_missing(engine, messages_table), locked.begin() as connection:
        yield connection


def _add(connection: Connection, messages: Iterable[Message]) -> list[Message]:
    """Add messages and skip those that they replace; return the added ones."""
    statement = _insert(connection.dialect.name)
    added = []
    # All exporters insert in the same order, so they cannot deadlock.
    for each in sorted(messages, key=lambda each: each.key):
        number = connection.scalar(statement, to_row(each))
        if number is None:
            continue
        added.append(replace(each, id=number))
        _skip(
            connection,
            _columns.kind == each.kind,
            _columns.subject == each.subject,
            _columns.channel == each.channel,
            _columns.id < number,
        )
    return added


def _skip(connection: Connection, *conditions: ColumnElement[bool]) -> None:
    is_waiting = _columns.state == MessageState.WAITING.value
    statement = update(messages_table).where(is_waiting, *conditions)
    connection.execute(statement.values(state=MessageState.SKIPPED.value))


def _thread(connection: Connection, message: Message) -> str | None:
    """Return the reference of the first message of a message's thread."""
    if message.follows is None:
        return None
    statement = select(_columns.reference).where(
        _columns.kind == message.kind,
        _columns.subject == message.subject,
        _columns.period == message.follows,
        _columns.channel == message.channel,
    )
    return connection.scalar(statement) or None


def _due(channel: str, now: datetime, *, urgent_only: bool) -> Any:
    """Select the due messages of a channel, without those that follow an unfinished one."""
    is_any_welcome = false() if urgent_only else true()
    earlier = messages_table.alias()
    is_waiting_for_another = exists().where(
        earlier.c.kind == _columns.kind,
        earlier.c.subject == _columns.subject,
        earlier.c.channel == _columns.channel,
    )
    is_waiting_for_another = is_waiting_for_another.where(
        earlier.c.state.in_(_UNFINISHED),
        earlier.c.id < _columns.id,
        or_(earlier.c.is_urgent, is_any_welcome),
    )
    return (
        select(messages_table)
        .where(
            or_(_columns.is_urgent, is_any_welcome),
            _columns.state.in_(_UNFINISHED),
            _columns.next_attempt_at <= now,
            _columns.channel == channel,
            ~is_waiting_for_another,
        )
        .order_by(_columns.is_urgent.desc(), _columns.next_attempt_at, _columns.id)
        .limit(_CANDIDATES)
    )


def _claim(connection: Connection, message: Message, now: datetime) -> Message | None:
    """Claim a message; return None if another exporter was faster or it is given up."""
    interruptions = message.interruptions + (message.state is MessageState.SENDING)
    claimed = replace(
        message,
        state=MessageState.SENDING,
        attempts=message.attempts + 1,
        interruptions=interruptions,
        may_be_repeated=message.may_be_repeated or interruptions > 0,
        next_attempt_at=now + CLAIM_LASTS,
    )
    is_given_up = interruptions >= _MOST_INTERRUPTIONS
    if is_given_up:
        claimed = replace(
            claimed,
            state=MessageState.GIVEN_UP,
            attempts=message.attempts,
            last_error=INTERRUPTED_TWICE,
        )
    is_unchanged = and_(
        _columns.id == message.id,
        _columns.state == message.state.value,
        _columns.attempts == message.attempts,
    )
    result = connection.execute(update(messages_table).where(is_unchanged).values(to_row(claimed)))
    return claimed if result.rowcount == 1 and not is_given_up else None


@cache
def _insert(dialect: str) -> Any:
    insert = insert_on(dialect, messages_table)
    return insert.on_conflict_do_nothing(index_elements=_KEY).returning(_columns.id)


@cache
def _upsert(dialect: str) -> Any:
    insert = insert_on(dialect, messages_table)
    new = insert.excluded
    outcome: Sequence[str] = (
        *("state", "attempts", "next_attempt_at", "interruptions", "may_be_repeated"),
        *("sent_at", "reference", "last_error"),
    )
    return insert.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: new[name] for name in outcome},
        where=and_(_columns.state.in_(_UNFINISHED), or_(new.state.not_in(_UNFINISHED))),
    )
