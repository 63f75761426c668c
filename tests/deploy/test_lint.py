"""The rules of grafana/dashboard-linter; exceptions stand in ``dashboards/.lint``, with reasons.

The linter itself is a program in Go. These are its rules for what the dashboards use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.grafana import DASHBOARDS, GRAFANA, panels
from support.prometheus import read_yaml

EXCLUSIONS: dict[str, Any] = read_yaml(GRAFANA / "dashboards" / ".lint")["exclusions"]

Broken = Iterator[tuple[str, str]]
"""Title of a panel, empty for the dashboard itself; what is wrong."""


def template_datasource(dashboard: dict[str, Any]) -> Broken:
    """A variable that chooses a data source is named after its type."""
    for variable in of_type(dashboard, "datasource"):
        if variable["name"] != f"{variable['query']}_datasource":
            yield "", variable["name"]


def panel_datasource(dashboard: dict[str, Any]) -> Broken:
    """Panels and queries ask a data source that the reader can choose."""
    chosen = {f"${{{variable['name']}}}" for variable in of_type(dashboard, "datasource")}
    for panel in panels(dashboard):
        for user in (panel, *panel["targets"]):
            if user["datasource"]["uid"] not in chosen:
                yield panel["title"], str(user["datasource"])


def template_job(dashboard: dict[str, Any]) -> Broken:
    """The scrape job can be chosen."""
    yield from chooses_label(dashboard, "job")


def template_instance(dashboard: dict[str, Any]) -> Broken:
    """The instance can be chosen."""
    yield from chooses_label(dashboard, "instance")


def template_on_time_change_reload(dashboard: dict[str, Any]) -> Broken:
    """What can be chosen is asked again when the time changes."""
    for variable in of_type(dashboard, "query"):
        if variable["refresh"] != 2:
            yield "", variable["name"]


def target_job(dashboard: dict[str, Any]) -> Broken:
    """Every selector minds the chosen job."""
    yield from selectors_without(dashboard, 'job=~"$job"')


def target_instance(dashboard: dict[str, Any]) -> Broken:
    """Every selector minds the chosen instance."""
    yield from selectors_without(dashboard, 'instance=~"$instance"')


def target_rate_interval(dashboard: dict[str, Any]) -> Broken:
    """A rate is taken over ``$__rate_interval``."""
    for title, expression in promql(dashboard):
        for span in re.findall(r"\bi?rate\([^\[]*\[([^\]]*)\]", expression):
            if span != "$__rate_interval":
                yield title, expression


def target_counter_agg(dashboard: dict[str, Any]) -> Broken:
    """A counter is never shown as it is."""
    for title, expression in promql(dashboard):
        for function in re.findall(r"(\w*)\(?\b\w+_total\b\{", expression):
            if function not in ("rate", "irate", "increase") and not over_time(function):
                yield title, expression


def target_promql(dashboard: dict[str, Any]) -> Broken:
    """Every number comes from PromQL; a real Prometheus reads it in ``test_promql``."""
    for panel in panels(dashboard):
        numbers = panel["type"] in ("stat", "gauge", "timeseries", "state-timeline")
        if asks_prometheus(dashboard) and numbers:
            for target in panel["targets"]:
                if not target.get("expr"):
                    yield panel["title"], str(target)


def uneditable(dashboard: dict[str, Any]) -> Broken:
    """Nobody changes in Grafana what the next start would undo."""
    if dashboard["editable"]:
        yield "", "editable"


RULES: dict[str, Callable[[dict[str, Any]], Broken]] = {
    "panel-datasource-rule": panel_datasource,
    "target-counter-agg-rule": target_counter_agg,
    "target-instance-rule": target_instance,
    "target-job-rule": target_job,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "template-datasource-rule": template_datasource,
    "template-instance-rule": template_instance,
    "template-job-rule": template_job,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "uneditable-dashboard": uneditable,
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_broken_only_where_an_exception_says_why(rule: str) -> None:
    """Also the other way round: no exception is left over."""
    broken = {
        (dashboard["title"], title)
        for dashboard in DASHBOARDS.values()
        for title, _ in RULES[rule](dashboard)
    }
    entries = EXCLUSIONS.get(rule, {}).get("entries", [])

    assert broken == {(entry["dashboard"], entry.get("panel", "")) for entry in entries}


def test_every_exception_has_a_reason() -> None:
    assert set(EXCLUSIONS) <= set(RULES)
    assert all(exclusion["reason"] for exclusion in EXCLUSIONS.values())


def of_type(dashboard: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The variables of a kind."""
    return [each for each in dashboard["templating"]["list"] if each["type"] == kind]


def asks_prometheus(dashboard: dict[str, Any]) -> bool:
    """Whether the first data source is Prometheus, as the linter decides it."""
    return bool(of_type(dashboard, "datasource")[0]["query"] == "prometheus")


def chooses_label(dashboard: dict[str, Any], label: str) -> Broken:
    """Whether several values of a label can be chosen, and all."""
    wanted = {"label": label.title(), "multi": True, "allValue": ".+"}
    found = [each for each in of_type(dashboard, "query") if each["name"] == label]
    if asks_prometheus(dashboard) and not any(wanted.items() <= each.items() for each in found):
        yield "", label


def over_time(function: str) -> bool:
    """Whether it looks at a counter's samples within a span of time."""
    return function.endswith("_over_time")


def promql(dashboard: dict[str, Any]) -> list[tuple[str, str]]:
    """Title of the panel and expression of every PromQL query."""
    return [
        (panel["title"], target["expr"])
        for panel in panels(dashboard)
        for target in panel["targets"]
        if target["datasource"]["type"] == "prometheus"
    ]


def selectors_without(dashboard: dict[str, Any], matcher: str) -> Broken:
    """The selectors that lack a matcher."""
    for title, expression in promql(dashboard):
        for selector in re.findall(r"\{([^}]*)\}", expression):
            if matcher not in selector:
                yield title, expression
