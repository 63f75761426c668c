"""The state of a message after an attempt to send it. Pure functions."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.tables import Message

from .channel import DeliveryError

__all__ = ["GIVE_UP_AFTER", "after_failure", "after_success", "requested_delay"]

GIVE_UP_AFTER: Final = timedelta(days=1)
"""A message that could not be sent for this long is given up."""
_FIRST_DELAY: Final = timedelta(seconds=10)
_LONGEST_DELAY: Final = timedelta(minutes=15)
_MOST_DOUBLINGS: Final = 10
_LONGEST_ERROR: Final = 500
_PATH: Final = re.compile(r"(?<=://)([^/\s?#@]*@)?([^/\s?#]+)[/?#]\S*")


def after_success(message: Message, reference: str, now: datetime) -> Message:
    """Return a message that was delivered.

    Args:
        message: The message, as it was claimed.
        reference: What the channel returned.
        now: The time.
    """
    return replace(
        message,
        state=MessageState.SENT,
        sent_at=now,
        reference=reference or None,
        last_error=None,
    )


def after_failure(message: Message, error: DeliveryError, now: datetime) -> Message:
    """Return a message that was not delivered to everyone.

    It waits for its next attempt, or is given up. If it has reached some of its recipients, it is
    sent instead of given up, and keeps the error that names the others.

    The delay doubles with each attempt, up to 15 minutes. It is longer if the destination asks for
    that, but the last attempt takes place within :data:`GIVE_UP_AFTER`.
    """
    deadline = message.created_at + GIVE_UP_AFTER
    is_over = error.is_permanent or now >= deadline
    if is_over and error.reference is not None:
        sent = after_success(message, error.reference, now)
        return replace(sent, last_error=_harmless(str(error)))
    return replace(
        message,
        state=MessageState.GIVEN_UP if is_over else MessageState.WAITING,
        next_attempt_at=now if is_over else min(now + _delay(message, error), deadline),
        may_be_repeated=message.may_be_repeated or error.may_have_arrived,
        last_error=_harmless(str(error)),
    )


def requested_delay(error: DeliveryError) -> timedelta:
    """Return how long the destination asks to wait, at most :data:`GIVE_UP_AFTER`."""
    seconds = error.retry_after
    if seconds is None or not seconds > 0:  # NaN neither
        return timedelta()
    return timedelta(seconds=min(seconds, GIVE_UP_AFTER.total_seconds()))


def _delay(message: Message, error: DeliveryError) -> timedelta:
    doublings = min(max(message.attempts - 1, 0), _MOST_DOUBLINGS)
    delay = min(_FIRST_DELAY * (1 << doublings), _LONGEST_DELAY)
    return max(delay, requested_delay(error))


def _harmless(text: str) -> str:
    """Return a reason without secrets: the path of a webhook's URL is its password."""
    return redact(_PATH.sub(r"\2/…", text), _LONGEST_ERROR)
