"""Periods in which no runs are expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from canvas_sync_core.files.sanitizing import escape_controls

__all__ = ["MAX_REASON", "Pause", "clean_reason"]

MAX_REASON: Final = 500
"""Maximum number of characters in a reason."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A period in which no runs are expected.

    Attributes:
        sync_types: The paused sync types; empty means all.
        start: When it begins, in UTC.
        end: When it ends, in UTC, exclusive.
        reason: The reason given by the person who set it.
        author: Who set it; None when it comes from the configuration file.
        id: Its row in the table of pauses; None when it comes from the configuration file.
    """

    sync_types: frozenset[str]
    start: datetime
    end: datetime
    reason: str
    author: str | None = None
    id: int | None = None

    def covers(self, sync_type: str, time: datetime) -> bool:
        """Return whether no run of the sync type is expected at a time."""
        return self.applies_to(sync_type) and self.start <= time < self.end

    def applies_to(self, sync_type: str) -> bool:
        """Return whether it pauses the sync type."""
        return not self.sync_types or sync_type in self.sync_types


def clean_reason(text: str) -> str:
    """Return a reason in one line.

    Raises:
        ValueError: It is blank or too long; the message says what to write.
    """
    reason = " ".join(text.split())
    if not reason:
        raise ValueError("say why you pause, for anyone who asks later")
    if len(reason) > MAX_REASON:
        raise ValueError(f"write at most {MAX_REASON} characters")
    return escape_controls(reason)
