"""What health and ``/metrics`` say about the judge."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.collectors import ChecksCollector
from canvas_sync_exporter.judge.judge import JudgeState
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.health import HealthChecks
from support.incidents import OPENED, incident
from support.served_metrics import beside_the_schema


@dataclass
class FixedJudge:
    state: JudgeState = field(default_factory=JudgeState)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        (JudgeState(), "ok", "Open incidents: none."),
        (
            JudgeState(OPENED, (incident(), incident(IncidentKind.MISSED))),
            "ok",
            "Open incidents: failing (full), missed (full).",
        ),
        (JudgeState(OPENED, failure="OSError: no files"), "degraded", "OSError: no files"),
        (
            JudgeState(OPENED, (incident(IncidentKind.DATABASE_AWAY),), storage_failure="refused"),
            "degraded",
            "Incidents cannot be stored: refused. Open incidents: database_away (full).",
        ),
        (JudgeState(OPENED, seconds_running=100.0), "unhealthy", "has hung for 100 s"),
        (JudgeState(OPENED, seconds_since=100.0), "unhealthy", "for 100 s"),
        (JudgeState(OPENED, seconds_running=20.0, seconds_since=35.0), "ok", "none"),
    ],
)
def test_health_says_whether_the_judge_works_and_what_it_found(
    config: Configuration, engine: Engine, state: JudgeState, status: str, reason: str
) -> None:
    context = WebContext(config, engine, Access(None), judge=FixedJudge(state))
    check = HealthChecks(context).run().checks["judge"]
    assert check.status == status
    assert reason in check.reason


def test_each_check_of_health_is_a_metric(config: Configuration, engine: Engine) -> None:
    hanging = FixedJudge(JudgeState(seconds_running=100.0))
    health = HealthChecks(WebContext(config, engine, Access(None), judge=hanging))
    registry = CollectorRegistry()
    registry.register(ChecksCollector(health.results))
    assert beside_the_schema(registry.collect()) == []
    name = "canvas_sync_exporter_check"
    assert registry.get_sample_value(name, {"check": "database"}) == 1.0
    assert registry.get_sample_value(name, {"check": "judge"}) == 0.0
    (family,) = registry.collect()
    assert {sample.labels["check"] for sample in family.samples} == set(health.run().checks)
