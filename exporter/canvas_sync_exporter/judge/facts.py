"""The input of the conditions: everything known at one time. All times are in UTC.

:mod:`.gathering` reads facts from the real sources; tests and the simulation construct them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from canvas_sync_core.store.messages.failing_channel import FailingChannel

from .expectation import Expectation, Pause
from .rounds import Round, make_rounds
from .runs import EndedRun, RunningRun

__all__ = [
    "TRAFFIC_WINDOW",
    "CleanupFacts",
    "ClockFacts",
    "DatabaseFacts",
    "DroppedTelemetry",
    "EndedRun",
    "Facts",
    "FailingChannel",
    "LogFolderFacts",
    "OtherExporter",
    "Refusal",
    "RouteTraffic",
    "RunningRun",
    "Sample",
    "SyncFacts",
    "TokenFacts",
]

TRAFFIC_WINDOW: Final = timedelta(minutes=10)
"""What the facts about routes cover."""


@dataclass(frozen=True, slots=True)
class SyncFacts:
    """What is known of one sync type.

    Attributes:
        due: Recent due times up to now, oldest first, including those during pauses.
        next_due: When the next run is due; None when none is expected.
        runs: The newest ended runs, newest start first: all since the second newest due time, and
            at least the last 40 if each round is a single run.
        running: The runs that have not ended, oldest first.
        known_since: When its oldest known run started; None before the first run.
        newest_items: When items of each kind (``course``) last arrived.
        rounds: The runs grouped by the due time that they serve, newest first.
        memo: Cache of results that depend on these facts alone; see :mod:`.memo`.
    """

    sync_type: str
    expectation: Expectation | None = None
    due: Sequence[datetime] = ()
    next_due: datetime | None = None
    runs: Sequence[EndedRun] = ()
    running: Sequence[RunningRun] = ()
    known_since: datetime | None = None
    newest_items: Mapping[str, datetime] = field(default_factory=dict)
    rounds: Sequence[Round] = ()
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Group the runs once for all conditions, unless the caller has done it."""
        if not self.rounds:
            object.__setattr__(self, "rounds", make_rounds(self.runs, self.due, self.expectation))


@dataclass(frozen=True, slots=True)
class RouteTraffic:
    """API calls of one route during the :data:`TRAFFIC_WINDOW` before now, by any run.

    Attributes:
        failed: Failed calls by status code or error class (``502``, ``timeout``).
    """

    route: str
    calls: int
    failed: Mapping[str, int] = field(default_factory=dict)
    throttled: int = 0
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A Canvas access token.

    Attributes:
        token: Its short hash, or its name in the settings.
        expires: When it expires; None when unknown.
        remaining: Its remaining quota; None when no live process uses it.
        maximum: The quota of an unused token.
        seen: When it was last used; None if it is only known from the settings, or refused.
        low_since: Since when its quota has been nearly used up; None while enough is left.
    """

    token: str
    expires: datetime | None = None
    remaining: float | None = None
    maximum: float | None = None
    seen: datetime | None = None
    low_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Calls that Canvas refused because of the token, as the metric files count them.

    Attributes:
        reason: One of :data:`~canvas_sync_core.names.AUTH_FAILURE_REASONS`.
        since: When the first one was noticed.
        last: When the newest one was noticed.
    """

    reason: str
    count: int
    since: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """A value at a time."""

    time: datetime
    value: float


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Whether the runs database responds.

    Attributes:
        is_reachable: Whether the last query succeeded.
        since: When it became reachable or unreachable.
        reason: Why it is unreachable; empty when it is reachable.
    """

    is_reachable: bool
    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LogFolderFacts:
    """The log folder as the exporter sees it.

    Attributes:
        problem: Why it cannot be used; empty when it can.
        since: When the problem was first seen.
    """

    path: str
    problem: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DroppedTelemetry:
    """Telemetry that was lost.

    Attributes:
        since: When the first loss was noticed.
        last: When the newest loss was noticed.
    """

    sink: str
    reason: str
    count: int
    since: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class CleanupFacts:
    """The nightly cleanup of the logs.

    Attributes:
        due: When it was last due.
        last_success: When it last succeeded; None if it never has.
        failure: Why the last cleanup failed; empty if it succeeded.
    """

    due: datetime
    last_success: datetime | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """How the clock of a machine differs from that of Canvas.

    Attributes:
        skew: Its time minus Canvas's, in seconds.
        measured: When the skew was measured, by the machine's own clock.
    """

    skew: float
    measured: datetime


@dataclass(frozen=True, slots=True)
class OtherExporter:
    """The exporter of another host that shares the database.

    Attributes:
        host: The name of its host in the configuration file.
        judged: When it last judged, by the clock of its host; None if it never has in a week.
    """

    host: str
    judged: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known at one time.

    Attributes:
        now: The current time.
        started: When the exporter started to watch.
        syncs: By sync type. While the database is down, as it last reported them.
        pauses: Pauses that are active or upcoming, or ended after the oldest run in ``syncs``.
        tokens: By ``token``.
        spool: Bytes waiting for the database, oldest first.
        disk_free: Free bytes on the disk of the log folder, oldest first.
        rollup_backlog: Runs and 15-minute buckets waiting to be rolled up, oldest first.
        clock: None before the first response of Canvas.
        host: The name of this host if the configuration file names several; empty otherwise.
        others: The exporters of the other hosts that the configuration file names.
        memo: Cache of results that depend on these facts; see :mod:`.memo`.
    """

    now: datetime
    started: datetime
    database: DatabaseFacts
    syncs: Mapping[str, SyncFacts] = field(default_factory=dict)
    pauses: Sequence[Pause] = ()
    routes: Sequence[RouteTraffic] = ()
    tokens: Sequence[TokenFacts] = ()
    refusals: Sequence[Refusal] = ()
    spool: Sequence[Sample] = ()
    disk_free: Sequence[Sample] = ()
    rollup_backlog: Sequence[Sample] = ()
    log_folder: LogFolderFacts | None = None
    dropped: Sequence[DroppedTelemetry] = ()
    cleanup: CleanupFacts | None = None
    clock: ClockFacts | None = None
    failing_channels: Sequence[FailingChannel] = ()
    host: str = ""
    others: Sequence[OtherExporter] = ()
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
