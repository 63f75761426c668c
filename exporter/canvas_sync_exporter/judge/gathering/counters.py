"""Recent increases of the counters in the metric files: calls, refusals, losses."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from canvas_sync_core.metrics.sample_keys import SampleKey
from canvas_sync_core.metrics.totals import MetricTotals
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.judge.facts import (
    TRAFFIC_WINDOW,
    DroppedTelemetry,
    Refusal,
    RouteTraffic,
)
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

__all__ = ["CounterFacts", "CounterWatch"]

_FORGET: Final = timedelta(hours=26)
_GOOD_CODES: Final = ("2", "3")
_WATCHED: Final = frozenset(
    {
        MetricName.API_REQUESTS,
        MetricName.API_THROTTLED,
        MetricName.API_TRUNCATED_LISTS,
        MetricName.API_AUTH_FAILURES,
        MetricName.TELEMETRY_DROPPED,
        MetricName.CLEANUP_RUNS,
    }
)


@dataclass(frozen=True, slots=True)
class CounterFacts:
    """Recent increases of counters.

    Attributes:
        cleanup_success: When the log cleanup last succeeded; None when unknown.
        cleanup_failed: Whether the newest cleanup failed.
    """

    routes: tuple[RouteTraffic, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    dropped: tuple[DroppedTelemetry, ...] = ()
    cleanup_success: datetime | None = None
    cleanup_failed: bool = False


_Increases = Counter[SampleKey]


@dataclass(slots=True)
class CounterWatch:
    """Compares the counters with their values at the previous reading.

    Values at the first reading are the baseline, because they may be old.

    Attributes:
        files: The metric files; while their folder is missing, nothing is counted.
    """

    files: SharedMetricDirectory
    _values: dict[SampleKey, float] | None = None
    _traffic: deque[tuple[datetime, _Increases]] = field(default_factory=deque)
    _refusals: dict[str, Refusal] = field(default_factory=dict)
    _dropped: dict[tuple[str, str], DroppedTelemetry] = field(default_factory=dict)
    _cleanup_failed: bool = False

    def read(self, now: datetime) -> CounterFacts:
        """Return the recent increases.

        Raises:
            StateDamagedError: The counters of dead processes cannot be read.
            OSError: The folder cannot be read.
        """
        totals = self.files.read()
        values = {
            key: value
            for key, value in totals.values.get("counter", {}).items()
            if key.sample in _WATCHED
        }
        self._note(self._increases(values), now)
        self._values = values
        return CounterFacts(
            routes=tuple(self._routes(now)),
            refusals=tuple(self._refusals.values()),
            dropped=tuple(self._dropped.values()),
            cleanup_success=self._newest_cleanup(totals),
            cleanup_failed=self._cleanup_failed,
        )

    def _increases(self, values: Mapping[SampleKey, float]) -> _Increases:
        if self._values is None:
            return Counter()
        before = self._values
        # A counter that decreased was reset because its folder was emptied.
        return Counter(
            {
                key: round(value - known if value >= known else value)
                for key, value in values.items()
                if value != (known := before.get(key, 0.0))
            }
        )

    def _note(self, increases: _Increases, now: datetime) -> None:
        traffic: _Increases = Counter()
        for key, count in increases.items():
            labels = dict(key.labels)
            if key.sample == MetricName.API_AUTH_FAILURES:
                self._note_refusal(labels["reason"], count, now)
            elif key.sample == MetricName.TELEMETRY_DROPPED:
                self._note_drop((labels["sink"], labels["reason"]), count, now)
            elif key.sample == MetricName.CLEANUP_RUNS:
                self._cleanup_failed = labels["status"] == "failed"
            else:
                traffic[key] = count
        if traffic:
            self._traffic.append((now, traffic))
        self._forget(now)

    def _note_refusal(self, reason: str, count: int, now: datetime) -> None:
        known = self._refusals.get(reason) or Refusal(reason, 0, now, now)
        self._refusals[reason] = replace(known, count=known.count + count, last=now)

    def _note_drop(self, key: tuple[str, str], count: int, now: datetime) -> None:
        known = self._dropped.get(key) or DroppedTelemetry(*key, 0, now, now)
        self._dropped[key] = replace(known, count=known.count + count, last=now)

    def _forget(self, now: datetime) -> None:
        while self._traffic and now - self._traffic[0][0] > TRAFFIC_WINDOW:
            self._traffic.popleft()
        for reason in [key for key, each in self._refusals.items() if now - each.last > _FORGET]:
            del self._refusals[reason]
        for drop in [key for key, each in self._dropped.items() if now - each.last > _FORGET]:
            del self._dropped[drop]

    def _routes(self, now: datetime) -> Iterator[RouteTraffic]:
        total: _Increases = Counter()
        for _, increases in self._traffic:
            total.update(increases)
        calls: Counter[str] = Counter()
        failed: dict[str, Counter[str]] = {}
        others: dict[str, Counter[str]] = {
            MetricName.API_THROTTLED: Counter(),
            MetricName.API_TRUNCATED_LISTS: Counter(),
        }
        for key, count in total.items():
            labels = dict(key.labels)
            route = labels["route"]
            if key.sample != MetricName.API_REQUESTS:
                others[key.sample][route] += count
                continue
            calls[route] += count
            if not labels["status_code"].startswith(_GOOD_CODES):
                failed.setdefault(route, Counter())[labels["status_code"]] += count
        for route, count in calls.items():
            throttled, truncated = (counts[route] for counts in others.values())
            yield RouteTraffic(route, count, failed.get(route, {}), throttled, truncated)

    def _newest_cleanup(self, totals: MetricTotals) -> datetime | None:
        found = [
            value
            for key, value in totals.values.get("gauge_max", {}).items()
            if key.metric == MetricName.CLEANUP_LAST_SUCCESS
        ]
        return datetime.fromtimestamp(max(found), UTC) if found and max(found) > 0 else None
