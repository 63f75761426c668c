from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from canvas_sync_core.names import REPORT_KINDS, TABLE, MessageKind
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_exporter.messages.reports.reading import last_runs
from support.multiplied import multiply
from support.plans import explained
from support.reports import make, settings, utc
from support.runs import failed, snapshot, write

START = utc("2026-11-01").timestamp()


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is asked of the table of runs."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if f"FROM {TABLE}" in statement:
            found.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


# PostgreSQL scans a small table whatever its indexes.
@pytest.mark.parametrize("lasting_engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", REPORT_KINDS)
def test_no_report_reads_the_whole_table(kind: MessageKind, engine: Engine, tmp_path: Any) -> None:
    runs = []
    for number in range(120):
        start = START + timedelta(hours=6 * number).total_seconds()
        make_run = failed if number % 9 == 0 else snapshot
        runs.append(make_run(f"run-{number}", start_time=start, host=f"sync-{number % 2}"))
    write(engine, *runs)
    while roll_up(engine, 60):
        pass

    with statements(engine) as found:
        content = make(kind, "2026-11-18", engine, settings(tmp_path))

    assert content.sections
    assert found
    with engine.connect() as connection:
        for statement, values in found:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            scans = [row[3] for row in plan if row[3].startswith(f"SCAN {TABLE}")]
            assert not [scan for scan in scans if "INDEX" not in scan], statement


def test_the_last_run_of_a_type_is_found_without_reading_those_of_others(
    postgresql_url: str,
) -> None:
    engine = open_engine(postgresql_url)
    upgrade(engine)
    old, new = START, START + timedelta(days=9).total_seconds()
    write(
        engine,
        snapshot("old", sync_type="no longer run", start_time=old),
        snapshot("new", sync_type="full", start_time=new),
    )
    multiply(engine, 2000)
    found: list[str] = []
    plans = explained(engine, lambda engine: found.extend(last_runs(engine, utc("2026-11-18"))))
    engine.dispose()
    assert found == ["full", "no longer run"]
    assert not [plan for plan in plans if f"ix_{TABLE}_start" in plan]


def test_sqlite_does_not_read_later_runs_of_the_type_either(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
    upgrade(engine)
    write(engine, snapshot("one", start_time=START))
    plans = explained(engine, lambda engine: last_runs(engine, utc("2026-11-18")))
    engine.dispose()
    bounds = "(sync_type>? AND (sync_type,sync_start_time)<(?,?))"
    assert f"USING INDEX ix_{TABLE}_type_start {bounds}" in plans[-1]
