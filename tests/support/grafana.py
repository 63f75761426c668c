"""The dashboards as Grafana reads them: panels, and queries with the variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .markdown import ROOT

__all__ = ["DASHBOARDS", "GRAFANA", "Query", "expand_macros", "fill_in", "panels", "queries"]

GRAFANA = ROOT / "deploy" / "grafana"

DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}
"""Uid -> dashboard."""

_TIME_FILTER = re.compile(r"\$__timeFilter\((\w+)\)")
_TIME_GROUP = re.compile(r"\$__timeGroupAlias\((\w+), (\d+)s\)")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel."""

    dashboard: str
    panel: dict[str, Any]
    target: dict[str, Any]

    @property
    def name(self) -> str:
        """Distinguishes it from all others."""
        return f"{self.dashboard}: {self.panel['title']}: {self.target['refId']}"

    @property
    def source(self) -> str:
        """Type of the data source that is asked."""
        return str(self.target["datasource"]["type"])


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All panels of a dashboard except the headings of its rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(source: str) -> Iterator[Query]:
    """All queries of all dashboards to a type of data source."""
    for uid, dashboard in DASHBOARDS.items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                query = Query(uid, panel, target)
                if query.source == source:
                    yield query


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of variables, as ``$name``, ``${name}`` and ``${name:format}``.

    Args:
        text: Of a query.
        values: Name, with its format if it has one -> what to put there.
    """

    def value(match: re.Match[str]) -> str:
        return values[match["braced"] or match["bare"]]

    return re.sub(r"\$(?:\{(?P<braced>[\w:]+)\}|(?P<bare>\w+)(?![\w(]))", value, text)


def expand_macros(sql: str, since: float, until: float) -> str:
    """Expand the macros of Grafana's PostgreSQL data source; times in Unix seconds."""
    between = f"BETWEEN to_timestamp({since}) AND to_timestamp({until})"
    filtered = _TIME_FILTER.sub(rf"\1 {between}", sql)
    return _TIME_GROUP.sub(r'floor(extract(epoch from \1)/\2)*\2 AS "time"', filtered)
