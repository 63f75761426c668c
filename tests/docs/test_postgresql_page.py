"""The SQL of the page about PostgreSQL, run as it stands there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, make_url, text

from canvas_sync_core.store import queries
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.writing import Waiting, roll_up, waiting
from canvas_sync_core.store.run_deletion import delete_runs
from support.incidents import incident
from support.markdown import DOCS, blocks
from support.runs import running, snapshot, write

_START = datetime(2026, 11, 5, 12, tzinfo=UTC)
_RIGHTS, _RIGHTS_ON_ROLLUPS, _RIGHTS_ON_INCIDENTS, _HISTORY = blocks(
    DOCS / "how-to" / "postgresql.md", "sql"
)
_SINCE = _START - timedelta(days=1)


@pytest.fixture
def owner(postgresql_url: str) -> Iterator[Engine]:
    """The role that upgrades, beside two others that have what the page gives them."""
    engine = open_engine(postgresql_url)
    upgrade(engine)
    with engine.begin() as connection:
        for role in ("app", "exporter"):
            connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text(_RIGHTS))
        connection.execute(text(_RIGHTS_ON_ROLLUPS))
        connection.execute(text(_RIGHTS_ON_INCIDENTS))
        connection.execute(text("GRANT app TO exporter"))
        connection.execute(text("GRANT DELETE ON canvas_sync_metrics TO exporter"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DROP OWNED BY app, exporter"))
        connection.execute(text("DROP ROLE app, exporter"))
    engine.dispose()


@pytest.fixture
def app(owner: Engine, postgresql_url: str) -> Iterator[Engine]:
    """A sync's own role."""
    engine = open_engine(_url(postgresql_url, "app"))
    yield engine
    engine.dispose()


@pytest.fixture
def exporter(owner: Engine, postgresql_url: str) -> Iterator[Engine]:
    """The exporter's own role."""
    engine = open_engine(_url(postgresql_url, "exporter"))
    yield engine
    engine.dispose()


def _url(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def _write_a_run(engine: Engine, name: str) -> None:
    start = _START.timestamp()
    write(engine, running(name, start_time=start))
    write(engine, snapshot(name, start_time=start))


def test_the_rights_are_enough_for_syncs_and_exporter(app: Engine, exporter: Engine) -> None:
    _write_a_run(app, "nightly")
    assert waiting(exporter) == Waiting(runs=1, buckets=0)
    assert roll_up(exporter, 600) is False
    assert waiting(exporter) == Waiting(0, 0)
    assert Rollups(exporter).summary(_SINCE).runs.total == 1
    assert queries.mark_interrupted(exporter, _START) == []
    (opened,) = write_incidents(exporter, [incident()])
    assert write_incidents(exporter, [replace(opened, run_count=1)])
    note_judging(exporter, JudgeRow("sync-1", _START, None))
    assert delete_runs(exporter, _START + timedelta(days=1)) == 1


def test_deleted_rows_move_to_their_month_and_stay_counted(
    owner: Engine, app: Engine, exporter: Engine
) -> None:
    with owner.begin() as connection:
        connection.execute(text(_HISTORY))
    _write_a_run(app, "nightly")
    before = Rollups(exporter).summary(_SINCE)
    assert delete_runs(exporter, _START + timedelta(days=1)) == 1
    with owner.begin() as connection:
        moved = connection.scalars(text("SELECT sync_task_id FROM canvas_sync_history_2026_11"))
        assert list(moved) == ["nightly"]
        connection.execute(text("DROP TABLE canvas_sync_history_2026_11"))
    assert Rollups(exporter).summary(_SINCE) == before
