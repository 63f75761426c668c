"""Sends the due messages of one channel."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.clock import monotonic
from canvas_sync_core.locks import Event
from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.tables import Message, MessageKey
from canvas_sync_core.store.messages.writing import Claim, claim_message, finish_attempt
from canvas_sync_core.wording import counted

from .channel import Channel, DeliveryError, OutgoingMessage
from .local_outbox import OUT_OF_REACH, LocalOutbox
from .retrying import after_failure, after_success, requested_delay
from .stored_content import from_json

__all__ = ["Delivery", "delivery_key"]

_ROUND_SECONDS: Final = 10.0
"""After this, the rest waits for the next round, so that an exporter can stop soon."""
_BUG: Final = "An error in this program, which is in the exporter's log"

_log = logging.getLogger(__name__)


class Delivery:
    """Sends the messages of one channel, one after the other.

    Each channel has its own, so that one that hangs does not delay the others.

    Args:
        channel: The channel.
        database: The database with the outbox.
        local: The outbox to use while the database is unreachable.
        is_quiet: Returns whether only urgent messages may be sent at a time.
        now: Returns the time, in UTC.
    """

    def __init__(
        self,
        channel: Channel,
        database: Engine,
        local: LocalOutbox,
        is_quiet: Callable[[datetime], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._channel = channel
        self._database = database
        self._local = local
        self._is_quiet = is_quiet
        self._now = now
        self._stopping = Event()
        self._unwritten: dict[MessageKey, Message] = {}
        self._blocked_until = now()

    def stop(self) -> None:
        """Send nothing after the message that is being sent."""
        self._stopping.set()

    def deliver(self) -> int:
        """Send what is due and return the number of delivered messages.

        Raises:
            SQLAlchemyError, StorageError: The database is unreachable; urgent messages were sent
                from the local outbox.
        """
        try:
            self._local.catch_up(self._database, self._now())
            self._write_outcomes()
            return self._deliver_from(self._database, urgent_only=self._is_quiet(self._now()))
        except OUT_OF_REACH:
            self._deliver_from(self._local.open(), urgent_only=True)
            raise

    def _deliver_from(self, outbox: Engine, *, urgent_only: bool) -> int:
        count, end = 0, monotonic() + _ROUND_SECONDS
        while self._now() >= self._blocked_until and monotonic() < end:
            if self._stopping.is_set():
                break
            claim = claim_message(outbox, self._channel.name, self._now(), urgent_only=urgent_only)
            if claim is None:
                break
            outcome = self._attempt(claim)
            self._finish(outbox, outcome)
            if outcome.state is MessageState.WAITING:
                break  # perhaps the destination is down: continue in the next round
            count += outcome.state is MessageState.SENT
        return count

    def _attempt(self, claim: Claim) -> Message:
        """Try to send a message and return it with the outcome."""
        message = claim.message
        try:
            outgoing = _outgoing(claim)
        except ValueError as error:
            return self._failed(message, DeliveryError(str(error), is_permanent=True))
        try:
            reference = self._channel.send(outgoing)
        except DeliveryError as error:
            self._blocked_until = self._now() + requested_delay(error)
            return self._failed(message, error)
        except Exception:  # noqa: BLE001 - see below
            # A message that cannot be rendered must neither stop the others nor be lost silently.
            _log.exception("Sending a message to %s failed unexpectedly", self._channel.name)
            return self._failed(message, DeliveryError(_BUG))
        if message.attempts > 1:
            _log.info("A message was sent to %s after %s.", *_described(message))
        return after_success(message, reference, self._now())

    def _failed(self, message: Message, error: DeliveryError) -> Message:
        outcome = after_failure(message, error, self._now())
        if outcome.state is MessageState.GIVEN_UP:
            _log.error(
                "A message to %s is given up after %s: %s",
                *_described(outcome),
                outcome.last_error,
            )
        elif outcome.state is MessageState.SENT:
            _log.error(
                "A message to %s did not reach all recipients after %s: %s",
                *_described(outcome),
                outcome.last_error,
            )
        elif message.attempts == 1:
            _log.warning(
                "A message to %s could not be sent yet: %s", message.channel, outcome.last_error
            )
        return outcome

    def _finish(self, outbox: Engine, outcome: Message) -> None:
        try:
            is_written = finish_attempt(outbox, outcome)
        except OUT_OF_REACH:
            self._unwritten[outcome.key] = outcome
            self._local.save(outcome)
            raise
        if outbox is self._database and outcome.is_urgent:
            self._local.note(outcome)
        if not is_written:
            _log.warning("A message to %s took too long and may be repeated.", outcome.channel)

    def _write_outcomes(self) -> None:
        """Write the outcomes that could not be written while the database was unreachable."""
        for key, outcome in list(self._unwritten.items()):
            finish_attempt(self._database, outcome)
            del self._unwritten[key]


def delivery_key(message: Message) -> str:
    """Return what identifies a message to its destination, the same for each attempt."""
    digest = hashlib.sha256("\0".join(message.key).encode()).hexdigest()
    return f"{message.kind}-{digest[:24]}"


def _outgoing(claim: Claim) -> OutgoingMessage:
    """Return what the channel sends.

    Raises:
        ValueError: The stored content cannot be read.
    """
    message = claim.message
    first = message.first_content
    return OutgoingMessage(
        key=delivery_key(message),
        content=from_json(message.content),
        thread=claim.thread,
        first=None if first is None or claim.thread is None else from_json(first),
        may_be_repeated=message.may_be_repeated,
    )


def _described(message: Message) -> tuple[str, str]:
    return message.channel, counted(message.attempts, "attempt")
