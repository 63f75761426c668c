"""The interface of every schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

__all__ = ["Schedule"]


class Schedule(Protocol):
    """When runs of a sync type are due. All times are in UTC."""

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first."""

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first due time after ``after``; None if there is none."""

    def describe(self) -> str:
        """Describe the schedule for people, such as ``every day at 02:00 Europe/Berlin``."""
