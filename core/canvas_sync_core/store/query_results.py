"""Results of the queries; the REST API returns them unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from .runs import RunRow, StoredCounts
from .statistics import Statistics

__all__ = ["DayPerformance", "Performance", "RunCounts", "Summary", "Totals", "UserSummary"]


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Number of runs, and how they ended.

    Attributes:
        by_status: Every status is present.
        success_rate: Share of successes among ended runs, 0 to 1; None if none has ended.
    """

    total: int
    by_status: dict[str, int]
    success_rate: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over runs.

    Attributes:
        items: Counts by item in the plural.
    """

    items: dict[str, StoredCounts]
    api_calls: int
    api_failed: int
    api_throttled: int
    api_retried: int
    db_operations: int
    db_failed: int


@dataclass(frozen=True, slots=True)
class Summary:
    """All runs of a period.

    Attributes:
        until: The end, exclusive; None if it has none.
    """

    since: datetime
    until: datetime | None
    runs: RunCounts
    by_sync_type: dict[str, RunCounts]
    duration: Statistics
    totals: Totals


@dataclass(frozen=True, slots=True)
class UserSummary:
    """One user's runs of a period.

    Attributes:
        until: The end, exclusive; None if it has none.
        last_run: The newest run of all time; None if the user never had one.
        last_success: Start of the newest successful run of all time.
    """

    user_id: int
    since: datetime
    until: datetime | None
    runs: RunCounts
    duration: Statistics
    totals: Totals
    last_run: RunRow | None
    last_success: datetime | None


@dataclass(frozen=True, slots=True)
class DayPerformance:
    """Performance of the runs that started on one day of the time zone."""

    day: date
    duration: Statistics
    api_latency: Statistics
    db_time: Statistics


@dataclass(frozen=True, slots=True)
class Performance:
    """Performance of the ended runs of a period.

    Attributes:
        until: The end, exclusive; None if it has none.
        duration: Of whole runs.
        api_latency: A run's time in API calls divided by their number; runs without calls left out.
        db_time: A run's time in database operations.
        trend: The same for each day on which a run started, oldest first.
    """

    since: datetime
    until: datetime | None
    duration: Statistics
    api_latency: Statistics
    db_time: Statistics
    trend: list[DayPerformance]
