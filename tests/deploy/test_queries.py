"""Every expression of rules and runbooks, asked of a real Prometheus that watched the demo."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from canvas_sync_demo.processes import Stage, running
from support.demo_syncs import run_syncs
from support.markdown import DOCS, blocks
from support.ports import unused_port
from support.prometheus import (
    Prometheus,
    all_rules,
    eventually,
    prometheus,
    quick_prometheus,
    quick_rules,
)

USERS = (41, 42, 45, 46)
"""Of the demo's cast: two are well, one may not see a course, one has no valid token."""

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


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with our rules that has scraped an exporter during syncs of the demo."""
    folder = tmp_path_factory.mktemp("watched")
    stage = Stage(folder / "data", unused_port())
    stage.logs.mkdir(parents=True)
    serve = ["-m", "canvas_sync_exporter.cli", "serve", "--port", str(stage.port)]
    environment = stage.environment(
        CANVAS_SYNC_EXPECTED_INTERVALS="full=24h,incremental=1h",
        CANVAS_SYNC_TOKEN_EXPIRES="nightly=2030-01-31",
    )
    with (
        running(serve, environment, stage.exporter_output),
        prometheus(folder / "prometheus", quick_prometheus(stage.url), quick_rules()) as watcher,
    ):
        eventually(lambda: watcher.query("up == 1"), "the exporter is scraped")
        run_syncs(stage, *USERS)
        eventually(
            lambda: watcher.query("canvas_sync_run_duration_seconds_count > 0"),
            "the first runs are counted, so that the next one is an increase",
        )
        run_syncs(stage, USERS[0])
        yield watcher


@pytest.mark.parametrize("name", RECORDED)
def test_each_recording_rule_gives_data(watched: Prometheus, name: str) -> None:
    def has_numbers() -> bool:
        return any(each["value"][1] != "NaN" for each in watched.query(name))

    eventually(has_numbers, f"numbers of {name}, which needs an increase that was scraped")


@pytest.mark.parametrize(
    "rule", all_rules(), ids=lambda rule: rule.get("alert") or rule.get("record")
)
def test_each_expression_of_a_rule_is_answered(watched: Prometheus, rule: dict[str, str]) -> None:
    watched.query(rule["expr"])


def test_no_rule_fails(watched: Prometheus) -> None:
    groups = watched.ask("rules")["groups"]

    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    assert watched.query("ALERTS") != []


@pytest.mark.parametrize(("runbook", "query"), RUNBOOK_QUERIES)
def test_each_query_of_a_runbook_can_be_pasted(
    watched: Prometheus, runbook: str, query: str
) -> None:
    result = watched.query(query)

    if not MAY_BE_EMPTY.search(query):
        assert result, query


def test_what_goes_wrong_in_the_demo_is_told(watched: Prometheus) -> None:
    def told() -> bool:
        firing = watched.query('ALERTS{alertstate="firing"}')
        names = {(each["metric"]["alertname"], each["metric"]["severity"]) for each in firing}
        return names == {("CanvasTokenInvalid", "critical"), ("Watchdog", "none")}

    eventually(told, "the alert of the token, and none of its consequences")
