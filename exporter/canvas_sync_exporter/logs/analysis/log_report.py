"""The figures of the report. JSON, text and HTML all show exactly these.

Durations are in seconds, rates are shares from 0 to 1, times are RFC 3339 in UTC. Percentiles are
at most 1 % off; everything else is exact.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

__all__ = [
    "ApiReport",
    "CallDay",
    "CallRow",
    "CostRow",
    "Count",
    "DbRow",
    "DbTotal",
    "ErrorReport",
    "ErrorRow",
    "Filters",
    "Finding",
    "GapRow",
    "Level",
    "LogReport",
    "LogRow",
    "MonthRow",
    "OpenRow",
    "OutcomeRow",
    "RunReport",
    "SuspectRow",
    "Timing",
    "TrendRow",
    "TroubledRow",
    "UnreadableRow",
    "Verdict",
]


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of durations."""

    count: int
    average: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """The filters."""

    since: dt.datetime | None
    until: dt.datetime | None
    user_id: int | None
    task_id: str | None
    top: int


class LogRow(msgspec.Struct, frozen=True):
    """What was read from one log."""

    log: str
    files: int
    bytes: int
    lines: int
    unreadable: int
    first: dt.datetime | None
    last: dt.datetime | None


class UnreadableRow(msgspec.Struct, frozen=True):
    """A file with unreadable lines."""

    file: str
    lines: int
    unreadable: int
    first_lines: list[int]


class Count(msgspec.Struct, frozen=True):
    """A name with its count."""

    name: str
    count: int


class OutcomeRow(Timing, frozen=True, kw_only=True):
    """The runs of one type with one status."""

    sync_type: str
    status: str


class TroubledRow(msgspec.Struct, frozen=True):
    """A run that did not succeed."""

    ended: dt.datetime
    task_id: str
    user_id: int | None
    sync_type: str
    status: str
    duration: float | None
    step: str | None
    error_type: str | None
    error: str | None
    error_traceback: list[str]


class OpenRow(msgspec.Struct, frozen=True):
    """A run whose end is in no log: it is in progress, or its process died."""

    started: dt.datetime
    task_id: str
    user_id: int | None
    sync_type: str


class SuspectRow(msgspec.Struct, frozen=True):
    """A run that differs from earlier ones; ``message`` has the numbers, if the log has them."""

    found: dt.datetime
    task_id: str
    user_id: int | None
    sync_type: str | None
    reasons: list[str]
    message: str | None


class RunReport(msgspec.Struct, frozen=True):
    """The runs; ``count`` of them ended, ``open_count`` did not, ``suspect_count`` are suspect."""

    count: int
    open_count: int
    suspect_count: int
    by_status: list[OutcomeRow]
    troubled: list[TroubledRow]
    open: list[OpenRow]
    suspect_reasons: list[Count]
    suspects: list[SuspectRow]


class CallRow(Timing, frozen=True, kw_only=True):
    """API calls that have something in common."""

    name: str
    failed: int
    error_rate: float


class CostRow(msgspec.Struct, frozen=True):
    """The cost of throttling and failures on one route."""

    route: str
    throttled: int
    retries: int
    backoff_seconds: float


class MonthRow(msgspec.Struct, frozen=True):
    """The calls of one month."""

    month: str
    count: int
    p95: float | None


class TrendRow(msgspec.Struct, frozen=True):
    """A route by month; ``change`` is the last month's p95 divided by the first month's."""

    route: str
    change: float
    months: list[MonthRow]


class CallDay(msgspec.Struct, frozen=True):
    """The calls of one day.

    Attributes:
        seconds: Total known duration.
        timed: Number of calls with a duration; old human-readable lines may lack it.
    """

    day: str
    calls: int
    failed: int
    throttled: int
    seconds: float
    timed: int

    @property
    def average(self) -> float | None:
        """Mean seconds per call; None if no duration is known."""
        return self.seconds / self.timed if self.timed else None


class ApiReport(msgspec.Struct, frozen=True):
    """The API calls."""

    total: CallRow
    by_method: list[CallRow]
    by_status: list[CallRow]
    by_route: list[CallRow]
    by_month: list[CallRow]
    by_day: list[CallDay]
    slower_routes: list[TrendRow]
    throttled: int
    backoff_seconds: float
    throttling: list[CostRow]
    truncated: int
    truncated_lists: list[Count]


class DbTotal(msgspec.Struct, frozen=True):
    """All database operations."""

    count: int
    failed: int


class DbRow(Timing, frozen=True, kw_only=True):
    """The database operations of one kind on one table."""

    operation: str
    table: str
    rows: int
    failed: int
    error_rate: float


class ErrorRow(msgspec.Struct, frozen=True):
    """One error."""

    time: dt.datetime
    error_type: str
    operation: str
    error: str
    task_id: str | None
    user_id: int | None
    course_id: int | None
    error_traceback: list[str]


class ErrorReport(msgspec.Struct, frozen=True):
    """The errors."""

    count: int
    by_type: list[Count]
    by_operation: list[Count]
    by_user: list[Count]
    by_course: list[Count]
    by_day: list[Count]
    newest: list[ErrorRow]


class GapRow(msgspec.Struct, frozen=True):
    """A time in which a run logged no progress."""

    seconds: float
    task_id: str
    user_id: int | None
    since: dt.datetime
    percent: float
    message: str


Level = Literal["critical", "warning", "note"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that needs attention, or that happened in the period.

    Attributes:
        level: ``critical`` or ``warning`` if it needs attention, else ``note``.
        text: One sentence or two.
        section: The section of the report with the details.
        kind: Kind of the incident that the judge would open; None for what only the logs show, as
            are the next three.
        subject: What it is about.
        since: When it began.
        runs: Ids of affected runs, newest first.
    """

    level: Level
    text: str
    section: str
    kind: str | None = None
    subject: str | None = None
    since: dt.datetime | None = None
    runs: list[str] = []


class Verdict(msgspec.Struct, frozen=True):
    """What the judge finds in the logs.

    Attributes:
        findings: What needs attention.
        not_judged: What it cannot judge, in sentences.
        has_expectations: Whether due times are known for any sync type.
        is_judged: Whether there was anything to judge.
    """

    findings: list[Finding] = []
    not_judged: list[str] = []
    has_expectations: bool = False
    is_judged: bool = True


class LogReport(msgspec.Struct, frozen=True, kw_only=True):
    """All figures."""

    log_dir: str
    filters: Filters
    attention: list[Finding] = msgspec.field(default_factory=list)
    not_judged: list[str] = msgspec.field(default_factory=list)
    is_judged: bool = True
    notes: list[Finding] = msgspec.field(default_factory=list)
    logs: list[LogRow]
    runs: RunReport
    api: ApiReport
    database: list[DbRow]
    database_total: DbTotal
    errors: ErrorReport
    longest_gaps: list[GapRow]
    unreadable: list[UnreadableRow]
    unknown_events: list[Count]
    problems: list[str]
