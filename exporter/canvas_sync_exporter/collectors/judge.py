"""What the judge finds wrong, and when runs are due next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.incident import Incident, IncidentState
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.judge.judge import JudgeState

from .families import family

__all__ = ["JudgeCollector"]

_Series = tuple[str, str, str]
_METRICS = {
    IncidentState.OPEN: MetricName.INCIDENTS_OPEN,
    IncidentState.ACKNOWLEDGED: MetricName.INCIDENTS_ACKNOWLEDGED,
}


class JudgeCollector(Collector):
    """Serves what a judge last found, without waiting for a database.

    Args:
        state: Returns that.
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
        due = state.next_due.items()
        yield family(MetricName.NEXT_DUE, {(name,): time.timestamp() for name, time in due})
        if state.judged_at is not None:
            yield family(MetricName.JUDGED, {(): state.judged_at.timestamp()})

    def _known(self, name: MetricName, counts: Iterable[_Series]) -> list[_Series]:
        """Return the series that exist: as 0 each kind, and what was once above 0."""
        self._seen[name] |= set(counts)
        zeros = [(kind.value, severity.value, "") for kind in IncidentKind for severity in Severity]
        return [*zeros, *sorted(self._seen[name] - set(zeros))]


def _series(incident: Incident) -> _Series:
    return incident.kind, incident.severity.value, incident.sync_type or ""
