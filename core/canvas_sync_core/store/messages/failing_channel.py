"""A channel whose messages cannot be delivered; needs no database to be imported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["FailingChannel"]


@dataclass(frozen=True, slots=True)
class FailingChannel:
    """A channel that has delivered nothing since it failed.

    Attributes:
        channel: Its name.
        since: When the oldest of the messages that it has not delivered was created.
        waiting: Number of messages that it will attempt again.
        given_up: Number of messages that were given up.
        reason: Why the newest attempt failed.
    """

    channel: str
    since: datetime
    waiting: int
    given_up: int
    reason: str
