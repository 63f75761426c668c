"""API calls: counts, durations, outcomes, and the cost of throttling."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Final

import msgspec

from canvas_sync_core.names import GRAPHQL_ERROR, OTHER
from canvas_sync_core.sketch import Sketch

from .counts import MOST_NAMES, count, merge_counts
from .records import ApiRecord, by_day

__all__ = ["ApiSection", "Calls", "Day", "Group", "Throttling", "has_failed"]

Group = tuple[str, str, str, str]
"""Month, method, route and outcome: the status, the class of error, or ``graphql``."""

_NO_CALLS: Final = frozenset({"guard_wait", "api_call_detail"})
"""Events that are not calls: waits are part of the run's time, details of the preceding line."""
_OK: Final = 200
_RARE: Final = (OTHER, OTHER, OTHER, OTHER)
_Seconds = defaultdict[str, defaultdict[str, defaultdict[int | str | None, list[float | None]]]]


class Calls(msgspec.Struct, array_like=True):
    """The calls of one group; old human-readable lines may lack the duration.

    Attributes:
        count: Number of calls.
        durations: Known durations.
    """

    count: int = 0
    durations: Sketch = msgspec.field(default_factory=Sketch)

    def merge(self, other: Calls) -> None:
        """Add another part."""
        self.count += other.count
        self.durations.merge(other.durations)


class Day(msgspec.Struct, array_like=True):
    """The calls of one day; ``timed`` of them have a duration."""

    calls: int = 0
    failed: int = 0
    throttled: int = 0
    seconds: float = 0.0
    timed: int = 0

    def merge(self, other: Day) -> None:
        """Add another part of the same day."""
        self.calls += other.calls
        self.timed += other.timed
        self.failed += other.failed
        self.throttled += other.throttled
        self.seconds += other.seconds


class Throttling(msgspec.Struct, array_like=True):
    """What throttling and failures cost on one route."""

    throttled: int = 0
    retries: int = 0
    backoff_seconds: float = 0.0

    def merge(self, other: Throttling) -> None:
        """Add another part."""
        self.throttled += other.throttled
        self.retries += other.retries
        self.backoff_seconds += other.backoff_seconds


class ApiSection(msgspec.Struct, array_like=True):
    """The summary of ``api_calls.log``."""

    groups: dict[Group, Calls] = msgspec.field(default_factory=dict)
    days: dict[str, Day] = msgspec.field(default_factory=dict)
    throttling: dict[str, Throttling] = msgspec.field(default_factory=dict)
    truncated: dict[str, int] = msgspec.field(default_factory=dict)
    unknown: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, records: list[ApiRecord], first: dt.datetime, last: dt.datetime) -> None:
        """Add records from the period ``first`` to ``last``, in UTC."""
        if first.date() == last.date():
            self._add_day(first.date().isoformat(), records)
            return
        for day, part in by_day(records):
            self._add_day(day, part)

    def merge(self, newer: ApiSection) -> None:
        """Add the summary of later lines."""
        for group, calls in newer.groups.items():
            self._calls(group).merge(calls)
        for day, figures in newer.days.items():
            self._day(day).merge(figures)
        for route, cost in newer.throttling.items():
            self._throttling(route).merge(cost)
        merge_counts(self.truncated, newer.truncated, OTHER)
        merge_counts(self.unknown, newer.unknown, OTHER)

    def _add_day(self, day: str, records: list[ApiRecord]) -> None:
        durations = _durations()
        for record in records:
            if record.event != "api_call":
                self._add_other(record)
                continue
            status = record.error_class if record.status_code is None else record.status_code
            if record.graphql_errors and record.status_code == _OK:
                status = GRAPHQL_ERROR
            durations[record.route][record.method][status].append(record.duration_seconds)
            if record.throttled or record.retries:
                self._add_cost(day, record)
        for route, methods in durations.items():
            for method, outcomes in methods.items():
                for status, found in outcomes.items():
                    outcome = OTHER if status is None else str(status)
                    self._add_calls(day, (day[:7], method, route, outcome), found)

    def _add_calls(self, day: str, group: Group, found: list[float | None]) -> None:
        seconds = [each for each in found if each is not None]
        calls = self._calls(group)
        calls.count += len(found)
        calls.durations.add(seconds)
        figures = self._day(day)
        figures.calls += len(found)
        figures.timed += len(seconds)
        figures.seconds += sum(seconds)
        figures.failed += len(found) if has_failed(group[3]) else 0

    def _add_other(self, record: ApiRecord) -> None:
        if record.event == "list_truncated":
            count(self.truncated, record.route, OTHER, record.count)
        elif record.event not in _NO_CALLS:
            count(self.unknown, record.event, OTHER)

    def _add_cost(self, day: str, record: ApiRecord) -> None:
        cost = Throttling(int(record.throttled), record.retries, record.backoff_seconds or 0.0)
        self._throttling(record.route).merge(cost)
        self._day(day).throttled += cost.throttled

    def _day(self, day: str) -> Day:
        return self.days.setdefault(day, Day())

    def _calls(self, group: Group) -> Calls:
        if group not in self.groups and len(self.groups) >= MOST_NAMES:
            group = _RARE
        return self.groups.setdefault(group, Calls())

    def _throttling(self, route: str) -> Throttling:
        if route not in self.throttling and len(self.throttling) >= MOST_NAMES:
            route = OTHER
        return self.throttling.setdefault(route, Throttling())


def _durations() -> _Seconds:
    """By route, method, and status or error class: faster than a tuple of the three."""
    return defaultdict(lambda: defaultdict(lambda: defaultdict(list)))


def has_failed(outcome: str) -> bool:
    """Return whether an outcome is a failure: no response, status 400 or above, GraphQL errors."""
    return not outcome.isdecimal() or int(outcome) >= 400
