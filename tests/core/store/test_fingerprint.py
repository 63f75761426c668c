"""Whether a database may have changed."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.fingerprint import database_fingerprint
from canvas_sync_core.store.queries import recent_runs
from support.runs import running, write


def test_each_commit_changes_it_and_reading_does_not(emptied_engine: Engine) -> None:
    write(emptied_engine, running("one"))
    first = database_fingerprint(emptied_engine)
    assert recent_runs(emptied_engine, 10).items
    assert database_fingerprint(emptied_engine) == first
    write(emptied_engine, running("one", progress=50.0))
    second = database_fingerprint(emptied_engine)
    assert second != first
    write(emptied_engine, running("two"))
    assert database_fingerprint(emptied_engine) not in (first, second)


def test_a_file_that_appears_changes_it(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
    before = database_fingerprint(engine)
    with engine.connect():
        assert database_fingerprint(engine) != before
    engine.dispose()
