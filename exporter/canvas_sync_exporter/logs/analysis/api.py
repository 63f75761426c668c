"""API calls: how many, how long, how they ended, what throttling cost."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from canvas_sync_instrumentation.names import OTHER

from .counts import MOST_NAMES, merge_counts
from .records import ApiRecord, day_of
from .sketch import Sketch

__all__ = ["ApiSection", "Day", "Group", "Throttling", "has_failed"]

Group = tuple[str, str, str, str]
"""Month, method, route and outcome: the status, or the class of error without one."""

_RARE: Final = (OTHER, OTHER, OTHER, OTHER)
_KIND: Final = attrgetter("event", "method", "route", "status_code", "throttled", "retries")
_Kind = tuple[str, str, str, int | None, bool, int]


class Day(msgspec.Struct, array_like=True):
    """The calls of one day."""

    calls: int = 0
    failed: int = 0
    throttled: int = 0
    seconds: float = 0.0

    def merge(self, other: Day) -> None:
        """Add another part of the same day."""
        self.calls += other.calls
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

    groups: dict[Group, Sketch] = msgspec.field(default_factory=dict)
    days: dict[str, Day] = msgspec.field(default_factory=dict)
    throttling: dict[str, Throttling] = msgspec.field(default_factory=dict)
    truncated: dict[str, int] = msgspec.field(default_factory=dict)
    unknown: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, records: list[ApiRecord], first: dt.datetime, last: dt.datetime) -> None:
        """Take in records, all of the time from ``first`` to ``last``, in UTC."""
        if first.date() == last.date():
            self._add_day(first.date().isoformat(), records)
            return
        for day, part in groupby(sorted(records, key=day_of), key=day_of):
            self._add_day(day, list(part))

    def merge(self, newer: ApiSection) -> None:
        """Add the summary of later lines."""
        for group, sketch in newer.groups.items():
            self._sketch(group).merge(sketch)
        for day, figures in newer.days.items():
            self.days.setdefault(day, Day()).merge(figures)
        for route, cost in newer.throttling.items():
            self._throttling(route).merge(cost)
        merge_counts(self.truncated, newer.truncated, OTHER)
        merge_counts(self.unknown, newer.unknown, OTHER)

    def _add_day(self, day: str, records: list[ApiRecord]) -> None:
        kinds: defaultdict[_Kind, list[ApiRecord]] = defaultdict(list)
        for kind, record in zip(map(_KIND, records), records, strict=True):
            kinds[kind].append(record)
        for kind, group in kinds.items():
            event = kind[0]
            if event == "api_call":
                self._add_calls(day, kind, group)
            elif event == "list_truncated":
                merge_counts(self.truncated, {kind[2]: len(group)}, OTHER)
            else:
                merge_counts(self.unknown, {event: len(group)}, OTHER)

    def _add_calls(self, day: str, kind: _Kind, records: list[ApiRecord]) -> None:
        _, method, route, status, throttled, retries = kind
        if status is None:
            outcomes = sorted(records, key=_error_class)
            parts = [(key, list(part)) for key, part in groupby(outcomes, key=_error_class)]
        else:
            parts = [(str(status), records)]
        figures = self.days.setdefault(day, Day())
        for outcome, part in parts:
            durations = [record.duration_seconds or 0.0 for record in part]
            self._sketch((day[:7], method, route, outcome)).add(durations)
            figures.seconds += sum(durations)
            figures.failed += len(part) if has_failed(outcome) else 0
        figures.calls += len(records)
        if throttled or retries:
            backoff = sum(record.backoff_seconds or 0.0 for record in records)
            cost = Throttling(len(records) * throttled, len(records) * retries, backoff)
            self._throttling(route).merge(cost)
            figures.throttled += cost.throttled

    def _sketch(self, group: Group) -> Sketch:
        if group not in self.groups and len(self.groups) >= MOST_NAMES:
            group = _RARE
        return self.groups.setdefault(group, Sketch())

    def _throttling(self, route: str) -> Throttling:
        if route not in self.throttling and len(self.throttling) >= MOST_NAMES:
            route = OTHER
        return self.throttling.setdefault(route, Throttling())


def has_failed(outcome: str) -> bool:
    """Tell whether an outcome is no answer, or an answer of 400 and above."""
    return not outcome.isdecimal() or int(outcome) >= 400


def _error_class(record: ApiRecord) -> str:
    return record.error_class or OTHER
