"""Whether an exporter judges, and whether syncs have run lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.doctor import Finding, Status, syncs
from canvas_sync_exporter.settings import Configuration, configuration
from support.incidents import incident
from support.runs import snapshot, write
from support.tables import create_tables


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path)})


@pytest.fixture
def engine(config: Configuration) -> Iterator[Engine]:
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    yield engine
    engine.dispose()


def test_nothing_is_wrong_before_the_first_sync(config: Configuration) -> None:
    assert syncs.judging(config).status is Status.OK
    assert syncs.recent_runs(config).status is Status.OK


def test_an_exporter_that_has_stopped_judging_is_a_warning(
    config: Configuration, engine: Engine
) -> None:
    assert syncs.judging(config).status is Status.WARNING
    note_judging(engine, JudgeRow("here", datetime.now(UTC) - timedelta(hours=3)))
    stopped = syncs.judging(config)
    assert stopped.status is Status.WARNING
    assert "; the last one did at " in stopped.message
    note_judging(engine, JudgeRow("there", datetime.now(UTC)))
    assert syncs.judging(config) == Finding.ok("1 exporter judges the syncs.")
    note_judging(engine, JudgeRow("here", datetime.now(UTC)))
    assert syncs.judging(config) == Finding.ok("2 exporters judge the syncs.")


@pytest.mark.parametrize(("days", "status"), [(1, Status.OK), (21, Status.WARNING)])
def test_no_run_for_weeks_is_a_warning_even_without_an_exporter(
    config: Configuration, engine: Engine, days: int, status: Status
) -> None:
    assert syncs.recent_runs(config).message == "No sync has run yet."
    start = datetime.now(UTC) - timedelta(days=days)
    write(engine, snapshot("nightly", start_time=start.timestamp()))

    found = syncs.recent_runs(config)
    assert found.status is status
    assert f"The newest run began at {start:%Y-%m-%d %H:%M} UTC." in found.message


def test_a_missed_run_that_the_exporter_has_noticed_is_a_warning(
    config: Configuration, engine: Engine
) -> None:
    start = datetime.now(UTC) - timedelta(days=1)
    write(engine, snapshot("nightly", start_time=start.timestamp()))
    write_incidents(engine, [incident(IncidentKind.MISSED, summary="No run of full has started.")])

    found = syncs.recent_runs(config)
    assert found.status is Status.WARNING
    assert found.message.endswith("No run of full has started.")


def test_a_database_that_does_not_answer_makes_it_unknown(tmp_path: Path) -> None:
    config = configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(tmp_path),
            "CANVAS_SYNC_DATABASE_URL": "postgresql://u@127.0.0.1:9/app",
        }
    )
    for check in (syncs.judging, syncs.recent_runs):
        assert check(config).message == "Unknown, since the database cannot be read."
