"""Every PromQL expression of dashboards, rules and runbooks.

They are asked of a real Prometheus with our rules that has watched the demo.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.grafana import DASHBOARDS, Query, fill_in, queries
from support.markdown import DOCS, blocks
from support.prometheus import all_rules, eventually
from support.watched_demo import WatchedDemo, watched_demo

EVERYTHING = dict.fromkeys(("job", "instance", "sync_type", "route"), ".+")
QUERIES = list(queries("prometheus"))
VARIABLES = [
    (uid, variable)
    for uid, dashboard in DASHBOARDS.items()
    for variable in dashboard["templating"]["list"]
    if variable["type"] == "query" and variable["datasource"]["type"] == "prometheus"
]

WITHOUT_DATA = {
    r"alertmanager_": "no Alertmanager is scraped",
    r"otelcol_": "no OpenTelemetry collector is scraped",
    r"traces_span_metrics_": "no OpenTelemetry collector is scraped",
    r"tempo_": "no Tempo is scraped",
    r"loki_": "no Loki is scraped",
    r"grafana_": "no Grafana is scraped",
}
"""Metrics without values in this test -> why their queries find nothing."""


RECORDED = [rule["record"] for rule in all_rules() if "record" in rule]
RUNBOOK_QUERIES = [
    (path.stem, query.strip())
    for path in sorted((DOCS / "runbooks").glob("*.md"))
    for query in blocks(path, "promql")
]
MAY_BE_EMPTY = re.compile(
    r" (>|==) | offset 1w"  # only what is wrong, or was there last week
    r"|run_oldest_start|runs_in_progress|rate_limit_remaining|clock_skew"  # only while a sync runs
    r"|token_until_empty"  # only while it spends more than flows back
    r"|otelcol_|alertmanager_|prometheus_|up{job"  # of servers that do not run here
    r"|cleanup_last_success"  # only after the first night
    r"|canvas_sync_messages"  # only with a destination of messages
    r"|exporter_silent"  # only with several hosts
    r"|offset 26h|operation=\"database\""
)


@pytest.fixture(scope="module", name="watched_demo")
def _watched_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedDemo]:
    with watched_demo(tmp_path_factory.mktemp("watched_demo")) as demo:
        yield demo


def ask(demo: WatchedDemo, query: Query) -> list[Any]:
    """Ask as Grafana does, over all the time that the demo took."""
    took = math.ceil(demo.until - demo.since)
    spans = {"__rate_interval": "10s", "__interval": "5s", "__range": f"{took}s"}
    expression = fill_in(query.target["expr"], EVERYTHING | spans)
    if query.target.get("instant"):
        found = demo.prometheus.ask("query", query=expression, time=str(demo.until))
    else:
        ends = {"start": str(demo.since), "end": str(demo.until), "step": "1"}
        found = demo.prometheus.ask("query_range", query=expression, **ends)
    result: list[Any] = found["result"]
    return result


def values(series: dict[str, Any]) -> list[float]:
    """The values of a series, over time or at one time."""
    samples = series["values"] if "values" in series else [series["value"]]
    return [float(value) for _, value in samples]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_every_query_is_understood_and_has_data(query: Query, watched_demo: WatchedDemo) -> None:
    found = ask(watched_demo, query)
    absent = any(re.search(metric, query.target["expr"]) for metric in WITHOUT_DATA)
    numbers = [value for series in found for value in values(series) if not math.isnan(value)]

    assert bool(numbers) is not absent, query.target["expr"]


@pytest.mark.parametrize("metric", WITHOUT_DATA)
def test_no_exception_is_left_over(metric: str) -> None:
    assert any(re.search(metric, query.target["expr"]) for query in QUERIES)


@pytest.mark.parametrize(
    ("uid", "variable"), VARIABLES, ids=lambda value: value if isinstance(value, str) else None
)
def test_every_variable_has_values(
    uid: str, variable: dict[str, Any], watched_demo: WatchedDemo
) -> None:
    label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
    assert label is not None
    series = watched_demo.prometheus.ask(
        "series", **{"match[]": fill_in(label[1], EVERYTHING), "start": str(watched_demo.since)}
    )

    assert {each[label[2]] for each in series}


def test_exemplars_of_the_latency_lead_to_the_traces_of_runs(watched_demo: WatchedDemo) -> None:
    """Under the name that the data source says holds a trace's id."""
    traced = [query for query in QUERIES if query.target.get("exemplar")]
    found = {
        query.name: watched_demo.prometheus.ask(
            "query_exemplars",
            query=fill_in(query.target["expr"], EVERYTHING | {"__rate_interval": "10s"}),
            start=str(watched_demo.since),
            end=str(watched_demo.until),
        )
        for query in traced
        if "canvas_sync_" in query.target["expr"]
    }

    assert found
    for name, series in found.items():
        exemplars = [exemplar for each in series for exemplar in each["exemplars"]]
        assert exemplars, name
        assert all(re.fullmatch("[0-9a-f]{32}", each["labels"]["trace_id"]) for each in exemplars)


@pytest.mark.parametrize("name", RECORDED)
def test_each_recording_rule_gives_data(watched_demo: WatchedDemo, name: str) -> None:
    def has_numbers() -> bool:
        return any(each["value"][1] != "NaN" for each in watched_demo.prometheus.query(name))

    eventually(has_numbers, f"numbers of {name}, which needs an increase that was scraped")


@pytest.mark.parametrize(
    "rule", all_rules(), ids=lambda rule: rule.get("alert") or rule.get("record")
)
def test_each_expression_of_a_rule_is_answered(
    watched_demo: WatchedDemo, rule: dict[str, str]
) -> None:
    watched_demo.prometheus.query(rule["expr"])


def test_no_rule_fails(watched_demo: WatchedDemo) -> None:
    groups = watched_demo.prometheus.ask("rules")["groups"]

    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    assert watched_demo.prometheus.query("ALERTS") != []


@pytest.mark.parametrize(("runbook", "query"), RUNBOOK_QUERIES)
def test_each_query_of_a_runbook_can_be_pasted(
    watched_demo: WatchedDemo, runbook: str, query: str
) -> None:
    result = watched_demo.prometheus.query(query)

    if not MAY_BE_EMPTY.search(query):
        assert result, query


def test_what_goes_wrong_in_the_demo_is_reported(watched_demo: WatchedDemo) -> None:
    """The alert of the token, and none of its consequences."""
    assert watched_demo.first_alerts == {"CanvasTokenInvalid": "critical", "Watchdog": "none"}
