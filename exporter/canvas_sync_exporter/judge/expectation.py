"""What a sync type promises, and when nothing is expected of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

__all__ = ["Expectation", "ExpectationSource", "Pause", "Schedule"]


class Schedule(Protocol):
    """When runs of a sync type are due. All times are in UTC."""

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first."""

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first due time after ``after``; None if there is none."""

    def describe(self) -> str:
        """Describe it for people, such as ``every day at 02:00 Europe/Berlin``."""


class ExpectationSource(StrEnum):
    """Where an expectation comes from; an earlier one wins over a later one."""

    ENVIRONMENT = "environment"
    FILE = "file"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a sync type promises.

    Attributes:
        schedule: When its runs are due to start.
        grace: How long after a due time a run may still start.
        max_duration: How long a run may take; None: it is compared with its own history alone.
        max_age: How old the items of a kind (``course``) may get; kinds that are not named have
            no promise.
    """

    sync_type: str
    schedule: Schedule
    grace: timedelta
    source: ExpectationSource
    max_duration: timedelta | None = None
    max_age: Mapping[str, timedelta] = field(default_factory=dict)


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
        applies = not self.sync_types or sync_type in self.sync_types
        return applies and self.start <= time < self.end
