"""The judge of an exporter, with its real sources, through outages and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Engine

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.reading import IncidentFilter, incident_page
from canvas_sync_exporter.judge.factory import make_judge
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.health import HealthChecks
from support.recurring_jobs import database_away
from support.runs import failed, snapshot, write
from support.tables import create_tables

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
            "CANVAS_SYNC_EXPECTED_INTERVALS": "full=1h",
        }
    )


@pytest.fixture
def engine(config: Configuration) -> Iterator[Engine]:
    """A database with an hourly sync, whose newest run has just ended well."""
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    start = START.timestamp()
    write(engine, *(snapshot(f"hour-{n}", start_time=start - 3600 * n) for n in range(30)))
    yield engine
    engine.dispose()


def test_a_failed_run_opens_one_incident_and_the_next_good_one_resolves_it(
    config: Configuration, engine: Engine
) -> None:
    with time_machine.travel(START + 5 * MINUTE, tick=False) as clock:
        judge = make_judge(config, engine, SharedMetricDirectory(config.app.metrics_folder))
        judge.judge()
        clock.shift(55 * MINUTE)
        write(engine, failed("broken", start_time=(START + 60 * MINUTE).timestamp()))
        clock.shift(MINUTE)
        (opened,) = judge.judge().opened
        assert (opened.kind, opened.subject, opened.runs) == ("failing", "full", ("broken",))
        restarted = make_judge(config, engine, SharedMetricDirectory(config.app.metrics_folder))
        clock.shift(3 * MINUTE)
        assert restarted.judge().opened == ()
        clock.shift(57 * MINUTE)
        write(engine, snapshot("better", start_time=(START + 120 * MINUTE).timestamp()))
        clock.shift(MINUTE)
        (over,) = restarted.judge().resolved
        assert over.id == opened.id
        assert restarted.state.incidents == ()


def test_an_outage_of_the_database_is_an_incident_within_two_minutes(
    config: Configuration, engine: Engine
) -> None:
    with time_machine.travel(START + 5 * MINUTE, tick=False) as clock:
        judge = make_judge(config, engine, SharedMetricDirectory(config.app.metrics_folder))
        judge.judge()
        health = HealthChecks(WebContext(config, engine, Access(None), judge=judge))
        clock.shift(10 * MINUTE)
        before = datetime.now(UTC)
        with database_away(config, engine):
            opened: list[Incident] = []
            while not opened and datetime.now(UTC) - before < 2 * MINUTE:
                opened = [*judge.judge().opened]
                clock.shift(MINUTE / 4)
            (away,) = opened
            assert away.kind == IncidentKind.DATABASE_AWAY
            assert away.since == before
            (shown,) = judge.state.incidents
            assert shown == away
            check = health.run().checks["judge"]
            assert check.status == "degraded"
            assert "database_away" in check.reason
            clock.shift(15 * MINUTE)
            assert judge.judge().opened == ()
        judge.judge()
        clock.shift(3 * MINUTE)
        judge.judge()
        (stored,) = incident_page(engine, IncidentFilter(), 9).items
        assert stored.kind == IncidentKind.DATABASE_AWAY
        assert stored.opened_at == away.opened_at
        assert stored.resolved_at is not None
        assert health.run().checks["judge"].status == "ok"


def test_the_next_due_time_is_reported(config: Configuration, engine: Engine) -> None:
    with time_machine.travel(START + 5 * MINUTE, tick=False):
        judge = make_judge(config, engine, SharedMetricDirectory(config.app.metrics_folder))
        judge.judge()
        assert judge.state.next_due == {"full": START + 60 * MINUTE}
        assert judge.state.judged_at == START + 5 * MINUTE
