"""Queries of panels to their data sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from grafana_foundation_sdk.builders.loki import Dataquery as LokiQuery
from grafana_foundation_sdk.builders.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.builders.tempo import Dataquery as TempoQuery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.tempo import SearchTableType

from .datasources import LOKI, POSTGRESQL, PROMETHEUS, TEMPO, DataSource

__all__ = ["Buckets", "Logs", "Now", "OverTime", "Rows", "Sql", "Target", "Trace", "Traces"]

_MOST_LINES: Final = 200
_MOST_TRACES: Final = 50


class Target(Protocol):
    """A query to a data source."""

    @property
    def source(self) -> DataSource:
        """The data source that it queries."""

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """PromQL at each step of the shown time, with exemplars if the metric has them."""

    expression: str
    legend: str
    exemplars: bool = False
    source: DataSource = PROMETHEUS

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        asked = _prometheus(self.expression, ref_id).range().legend_format(self.legend)
        return (asked.exemplar(True) if self.exemplars else asked).build()


@dataclass(frozen=True, slots=True)
class Now:
    """PromQL at the end of the shown time."""

    expression: str
    legend: str
    source: DataSource = PROMETHEUS

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        asked = _prometheus(self.expression, ref_id)
        return asked.instant().legend_format(self.legend).build()


@dataclass(frozen=True, slots=True)
class Rows:
    """PromQL at the end of the shown time, each series a row of a table."""

    expression: str
    source: DataSource = PROMETHEUS

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        return _prometheus(self.expression, ref_id).instant().format(PromQueryFormat.TABLE).build()


@dataclass(frozen=True, slots=True)
class Buckets:
    """PromQL that returns the buckets of a histogram over time."""

    expression: str
    source: DataSource = PROMETHEUS

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        asked = _prometheus(self.expression, ref_id).range().legend_format("{{le}}")
        return asked.format(PromQueryFormat.HEATMAP).exemplar(True).build()


@dataclass(frozen=True, slots=True)
class Logs:
    """LogQL that returns log lines, newest first."""

    expression: str
    source: DataSource = LOKI

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        asked = LokiQuery().datasource(self.source.reference).ref_id(ref_id)
        return asked.expr(self.expression).query_type("range").max_lines(_MOST_LINES).build()


@dataclass(frozen=True, slots=True)
class Traces:
    """TraceQL that returns a list of traces."""

    expression: str
    source: DataSource = TEMPO

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        asked = _tempo(self.expression, ref_id).query_type("traceql").limit(_MOST_TRACES)
        return asked.table_type(SearchTableType.TRACES).build()


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace by its id."""

    trace_id: str
    source: DataSource = TEMPO

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        return _tempo(self.trace_id, ref_id).query_type("traceql").build()


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL that returns rows, or with ``is_over_time`` a ``time`` and values."""

    statement: str
    is_over_time: bool = False
    source: DataSource = POSTGRESQL

    def query(self, ref_id: str) -> Dataquery:
        """Build the SDK object."""
        return _SqlQuery(self, ref_id)


@dataclass(frozen=True, slots=True)
class _SqlQuery(Dataquery):
    """A SQL query, which the SDK does not provide."""

    target: Sql
    ref_id: str

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": self.target.source.reference,
            "refId": self.ref_id,
            "rawQuery": True,
            "editorMode": "code",
            "rawSql": self.target.statement,
            "format": "time_series" if self.target.is_over_time else "table",
        }


def _prometheus(expression: str, ref_id: str) -> PrometheusQuery:
    asked = PrometheusQuery().datasource(PROMETHEUS.reference).ref_id(ref_id)
    return asked.expr(expression)


def _tempo(expression: str, ref_id: str) -> TempoQuery:
    return TempoQuery().datasource(TEMPO.reference).ref_id(ref_id).query(expression)
