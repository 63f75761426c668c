"""When nothing is expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Pause"]


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which no runs are expected.

    Attributes:
        sync_types: Whose runs; empty means all.
        start: When it begins, in UTC.
        end: When it ends, in UTC, exclusive.
        reason: Why, in the words of the person who set it.
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
