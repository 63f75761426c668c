"""What a sync type is expected to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from canvas_sync_exporter.schedules.pause import Pause
from canvas_sync_exporter.schedules.schedule import Schedule

__all__ = ["Expectation", "ExpectationSource", "Pause", "Schedule"]


class ExpectationSource(StrEnum):
    """Where an expectation comes from; an earlier one wins over a later one."""

    ENVIRONMENT = "environment"
    FILE = "file"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a sync type is expected to do.

    Attributes:
        schedule: When its runs are due to start.
        grace: How long after a due time a run may still start.
        lead: How long before a due time a run may start and still be the one that was due.
        max_duration: How long a run may take; None compares it only with its own history.
        max_age: How old the items of a kind (``course``) may get; kinds not listed have no
            limit.
    """

    sync_type: str
    schedule: Schedule
    grace: timedelta
    source: ExpectationSource
    max_duration: timedelta | None = None
    max_age: Mapping[str, timedelta] = field(default_factory=dict)
    lead: timedelta = timedelta(minutes=1)
