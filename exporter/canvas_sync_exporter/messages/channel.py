"""What a channel does: it delivers one message, or reports why it could not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .content import Content

__all__ = ["Channel", "CheckableChannel", "DeliveryError", "OutgoingMessage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message to deliver.

    Attributes:
        key: Identifies the message; the same for each attempt to send it.
        content: What it holds.
        thread: The reference that the channel returned for the first message of the same subject;
            None for the first one.
        first: The new content of that first message, for channels that can edit it; None to leave
            it alone.
        may_be_repeated: Whether an earlier attempt may have been delivered already, because the
            exporter stopped before it knew, or the destination did not answer. The channel marks
            the message as such.
    """

    key: str
    content: Content
    thread: str | None = None
    first: Content | None = None
    may_be_repeated: bool = False


class Channel(Protocol):
    """Delivers messages to one destination.

    Attributes:
        name: Its name in the configuration file, such as ``slack`` or ``email.head``.
    """

    name: str

    def send(self, message: OutgoingMessage) -> str:
        """Deliver a message within a bounded time.

        Returns:
            A reference for later messages of the same subject; empty if the channel has none.

        Raises:
            DeliveryError: It was not delivered.
        """


@runtime_checkable
class CheckableChannel(Channel, Protocol):
    """A channel that can check its destination without sending a message."""

    def check(self) -> str:
        """Check within a bounded time whether the destination accepts messages.

        Returns:
            What was found, in a sentence.

        Raises:
            DeliveryError: It does not accept messages.
        """


class DeliveryError(Exception):
    """A message was not delivered.

    Attributes:
        is_permanent: Whether another attempt is pointless, because the destination rejects the
            message or the credentials.
        retry_after: Seconds that the destination asks to wait; None if it does not say.
        may_have_arrived: Whether it may have been delivered nevertheless, because the whole message
            was transmitted and no answer came. The next attempt is marked as a possible repetition.
        reference: What the channel would have returned, if the message has reached some of its
            recipients, now or in an earlier attempt; None if it has reached nobody.
    """

    def __init__(
        self,
        reason: str,
        *,
        is_permanent: bool = False,
        retry_after: float | None = None,
        may_have_arrived: bool = False,
        reference: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent
        self.retry_after = retry_after
        self.may_have_arrived = may_have_arrived
        self.reference = reference
