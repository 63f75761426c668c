"""The rules of Prometheus: valid, tested, explained, and about metrics that there are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.names import LOGS, IncidentKind
from canvas_sync_core.schema.metrics import METRICS, MetricType
from support.markdown import DOCS, blocks, links
from support.prometheus import (
    DEPLOY,
    PROMETHEUS_CONFIG,
    RULES,
    all_rules,
    read_yaml,
    run_program,
)

CASES = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
RUNBOOKS = DOCS / "runbooks"
ALERTS = [rule for rule in all_rules() if "alert" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})
RECORDED = {rule["record"] for rule in all_rules() if "record" in rule}
DASHBOARDS = {f"canvas-sync-{name}" for name in ("overview", "api", "storage", "runs", "stack")}
FOREIGN = re.compile(r"(up|ALERTS|prometheus_\w+|alertmanager_\w+|otelcol_\w+)")
"""Metrics of other servers of the stack, and Prometheus' own."""


@cache
def checks() -> list[dict[str, Any]]:
    """What the promtool cases ask of alerts."""
    return [
        check
        for path in CASES
        for case in read_yaml(path)["tests"]
        for check in case["alert_rule_test"]
    ]


def known_metrics() -> set[str]:
    """Names of samples."""
    histograms = {name for name, spec in METRICS.items() if spec.type is MetricType.HISTOGRAM}
    parts = {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
    return {str(name) for name in METRICS} | parts


def metrics_in(expression: str) -> set[str]:
    """Names of metrics and recording rules in an expression."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:[a-z_]+:[\w:]+|canvas_sync_\w+)", bare))


def severity_of(rule: dict[str, Any]) -> str | None:
    """Return the severity that a rule gives its alert; None if it is that of the incident."""
    severity: str | None = rule.get("labels", {}).get("severity")
    if severity is None:
        assert "severity" in rule["expr"].partition(")")[0]
    return severity


def kinds_of(rule: dict[str, Any]) -> set[str]:
    """Return the kinds of incidents that a rule reads."""
    found = re.findall(r'canvas_sync_incidents_open{kind=~?"([^"]+)"}', rule["expr"])
    return {kind for kinds in found for kind in kinds.split("|")}


def test_promtool_accepts_configuration_and_rules() -> None:
    run_program("promtool", "check", "config", "--syntax-only", PROMETHEUS_CONFIG)
    run_program("promtool", "check", "rules", "--lint-fatal", *RULES)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_and_stay_silent_as_their_cases_say(path: Path) -> None:
    run_program("promtool", "test", "rules", path)


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_a_case_where_it_fires_and_one_where_it_is_silent(name: str) -> None:
    expected = [check["exp_alerts"] for check in checks() if check["alertname"] == name]
    fired = {alert["exp_labels"]["severity"] for alerts in expected for alert in alerts}

    own = {severity_of(rule) for rule in ALERTS if rule["alert"] == name}
    assert fired
    assert fired == own if None not in own else fired <= {"critical", "warning"}
    assert [] in expected or name == "Watchdog", "it has no silent case"


def test_each_case_that_fires_states_all_annotations() -> None:
    for check in checks():
        for alert in check["exp_alerts"]:
            assert set(alert["exp_annotations"]) == {
                "summary",
                "description",
                "runbook_url",
                "dashboard_url",
            }, check


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_says_how_bad_it_is_and_leads_to_runbook_and_dashboard(
    rule: dict[str, Any],
) -> None:
    annotations = rule["annotations"]

    assert severity_of(rule) in {"critical", "warning", "none", None}
    assert annotations["summary"]
    assert annotations["description"].removesuffix("{{ end }}").endswith(".")
    assert annotations["runbook_url"] == f"http://localhost:5000/runbooks/{rule['alert']}"
    page, _, variables = annotations["dashboard_url"].partition("?")
    base, _, uid = page.rpartition("/")
    assert base == "http://localhost:3000/d"
    assert uid in DASHBOARDS
    by_type = re.match(r"max by \(job, sync_type", rule["expr"]) is not None
    assert variables == ("var-sync_type={{ $labels.sync_type | urlquery }}" if by_type else "")


def test_every_kind_of_incident_has_its_alert() -> None:
    assert {kind for rule in ALERTS for kind in kinds_of(rule)} == set(IncidentKind)


@pytest.mark.parametrize(
    "rule", [rule for rule in ALERTS if kinds_of(rule)], ids=lambda rule: rule["alert"]
)
def test_an_alert_of_an_incident_names_the_cause_in_its_first_line(rule: dict[str, Any]) -> None:
    summary = rule["annotations"]["summary"]
    (kinds,) = re.findall(r'canvas_sync_incident_info{kind=~?\\"([^"]+)\\"', summary)

    assert set(kinds.split("|")) == kinds_of(rule)
    assert summary.endswith(': {{ . | first | label "cause" }}{{ end }}')
    assert rule["keep_firing_for"] == "5m"


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_has_its_four_parts_and_queries_to_paste(name: str) -> None:
    path = RUNBOOKS / f"{name}.md"
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"^#+ .*$", text, re.MULTILINE) == [
        f"# {name}",
        "## Meaning",
        "## Impact",
        "## Diagnosis",
        "## Mitigation",
    ]
    assert blocks(path, "promql")
    assert "<" not in "".join(blocks(path, "promql")).replace("<=", ""), "something to fill in"


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_links_only_to_other_runbooks(name: str) -> None:
    """The exporter shows these pages, and no others."""
    for link in links(RUNBOOKS / f"{name}.md"):
        assert (RUNBOOKS / link).parent == RUNBOOKS, link


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: next(iter(rule.values())))
def test_rules_read_metrics_that_there_are(rule: dict[str, Any]) -> None:
    unknown = metrics_in(rule["expr"]) - known_metrics() - RECORDED

    assert unknown == set()


def test_each_counter_that_a_rule_reads_exists_as_zero_before_the_first_failure() -> None:
    """``increase()`` does not see a series come into being."""
    read = set().union(*(metrics_in(rule["expr"]) for rule in all_rules()))
    counters = {name for name, spec in METRICS.items() if spec.type is MetricType.COUNTER}

    assert {name for name in counters & read if not METRICS[name].zeros} == set()
    assert len(counters & read) > 3


@pytest.mark.parametrize("name", NAMES)
def test_queries_of_runbooks_read_metrics_that_there_are(name: str) -> None:
    for query in blocks(RUNBOOKS / f"{name}.md", "promql"):
        assert metrics_in(query) - known_metrics() - RECORDED == set()
        assert metrics_in(query) or FOREIGN.search(query), query


def test_recording_rules_are_named_by_level_metric_and_operations() -> None:
    for name in RECORDED:
        level, metric, operations = name.split(":")
        assert set(re.findall(r"instance|sync_type|status", level)), name
        assert metric.startswith("canvas_sync_"), name
        assert operations, name


def test_the_limits_of_log_volume_are_those_of_the_logs() -> None:
    (rule,) = (rule for rule in ALERTS if rule["alert"] == "CanvasSyncLogVolumeHigh")
    limits = re.findall(r'log="(\w+)"}\) > 0\.8 \* (\d+) \* (\d+) \* 1048576', rule["expr"])

    assert {log: (int(files) - 1, int(size)) for log, files, size in limits} == {
        log: (backups, size // 1048576) for log, (size, backups) in LOGS.items()
    }


def test_a_goal_can_be_missed_by_each_burn_rate() -> None:
    """A threshold over 100% would never fire."""
    rules = [rule for rule in ALERTS if rule["alert"] == "CanvasApiErrorBudgetBurn"]

    assert [rule["labels"]["window"] for rule in rules] == ["1h", "6h", "1d", "3d"]
    largest = 0.05  # the share of failures that the lowest goal allows
    for rule in rules:
        factors = re.findall(
            r"ratio_rate\w+ > (?:([\d.]+) \* )?instance:canvas_sync_api_error_budget:ratio\n",
            rule["expr"],
        )
        assert len(factors) == 2
        for factor in factors:
            assert float(factor or 1) * largest < 1


def test_alerts_ask_for_the_scrape_job_of_the_configuration() -> None:
    jobs = {each["job_name"] for each in read_yaml(PROMETHEUS_CONFIG)["scrape_configs"]}
    found = {jobs for rule in ALERTS for jobs in re.findall(r'job=~?"([^"]+)"', rule["expr"])}
    queried = {job for jobs in found for job in jobs.split("|")}

    # Prometheus cannot tell of itself; span metrics come from the collector.
    assert queried == jobs - {"prometheus", "span-metrics"}
