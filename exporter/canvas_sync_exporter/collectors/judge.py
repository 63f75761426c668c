"""What the judge finds wrong, and when runs are due next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.incident import SEVERITY_ORDER, Incident, IncidentState
from canvas_sync_core.schema.labels import MAX_INCIDENTS
from canvas_sync_core.schema.metrics import MetricName, zeros_of
from canvas_sync_exporter.judge.judge import JudgeState

from .families import family

__all__ = ["JudgeCollector"]

_LONGEST_VALUE: Final = 200
_NUMBER: Final = re.compile(
    r"\b(?![45]\d\d\b)\d+(?:,\d{3})*(?![\d.,]*\s?(?:%|ms|s|min|h|d|days?|hours?|[KMG]?i?B)\b)"
)
"""Numbers that may be of a user, a course or a run: no status code, and without a unit."""
_Series = tuple[str, ...]
_METRICS = {
    IncidentState.OPEN: MetricName.INCIDENTS_OPEN,
    IncidentState.ACKNOWLEDGED: MetricName.INCIDENTS_ACKNOWLEDGED,
}


class JudgeCollector(Collector):
    """Serves what a judge last found, without waiting for a database.

    Args:
        state: Returns the judge's latest result.
    """

    def __init__(self, state: Callable[[], JudgeState]) -> None:
        self._state = state
        self._seen: dict[MetricName, set[_Series]] = {name: set() for name in _METRICS.values()}

    def collect(self) -> Iterable[Metric]:
        """Return the incidents by kind, the next due times and the time of the last judging."""
        state = self._state()
        for incident_state, name in _METRICS.items():
            counts = Counter(
                _series(each) for each in state.incidents if each.state is incident_state
            )
            yield family(name, {series: counts[series] for series in self._known(name, counts)})
        yield family(MetricName.INCIDENT_INFO, dict.fromkeys(_described(state.incidents), 1.0))
        due = state.next_due.items()
        yield family(MetricName.NEXT_DUE, {(name,): time.timestamp() for name, time in due})
        if state.judged_at is not None:
            yield family(MetricName.JUDGED, {(): state.judged_at.timestamp()})

    def _known(self, name: MetricName, counts: Iterable[_Series]) -> list[_Series]:
        """Return all series that must exist as 0: each kind, and each that was once above 0."""
        self._seen[name] |= set(counts)
        zeros = [labels for metric, labels in zeros_of({}) if metric is name]
        return [*zeros, *sorted(self._seen[name] - set(zeros))]


def _described(incidents: Iterable[Incident]) -> Iterator[tuple[str, str, str, str]]:
    """Describe the newest open incidents, the critical ones first."""
    opened = [each for each in incidents if each.state is IncidentState.OPEN]
    opened.sort(key=lambda each: each.opened_at, reverse=True)
    opened.sort(key=lambda each: SEVERITY_ORDER.index(each.severity), reverse=True)
    for each in opened[:MAX_INCIDENTS]:
        cause = _NUMBER.sub("#", each.cause.rstrip(".") or each.summary.rstrip("."))
        yield each.kind, each.sync_type or "", _shorten(each.subject), _shorten(cause)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _series(incident: Incident) -> _Series:
    return incident.kind, incident.severity.value, incident.sync_type or ""
