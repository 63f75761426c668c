"""A channel whose messages cannot be delivered; needs no database to be imported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["FailingChannel"]


@dataclass(frozen=True, slots=True)
class FailingChannel:
    """A channel that has delivered no message to everyone since it failed.

    Attributes:
        channel: Its name.
        since: When the oldest of the messages that did not reach everyone was created.
        waiting: Number of messages that it will attempt again.
        given_up: Number of messages that were given up.
        reason: Why the newest attempt failed.
        partly_sent: Number of messages that did not reach all recipients.
    """

    channel: str
    since: datetime
    waiting: int
    given_up: int
    reason: str
    partly_sent: int = 0

    @property
    def reaches_some(self) -> bool:
        """Whether each of its messages has reached at least some recipients."""
        return not (self.waiting or self.given_up)
