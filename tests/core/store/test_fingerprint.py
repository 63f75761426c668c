"""Whether a database may have changed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.fingerprint import Fingerprints
from canvas_sync_core.store.queries import recent_runs
from support.runs import running, write

CALLERS = 8


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite3"


def _engine(file: Path) -> Engine:
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    return engine


def test_each_commit_changes_it_and_reading_does_not(emptied_engine: Engine) -> None:
    fingerprints = Fingerprints(emptied_engine)
    write(emptied_engine, running("one"))
    first = fingerprints.now()
    assert recent_runs(emptied_engine, 10).items
    assert fingerprints.now() == first
    write(emptied_engine, running("one", progress=50.0))
    second = fingerprints.now()
    assert second != first
    write(emptied_engine, running("two"))
    assert fingerprints.now() not in (first, second)


def test_another_file_of_that_name_changes_it(tmp_path: Path, file: Path) -> None:
    engine = _engine(file)
    fingerprints = Fingerprints(engine)
    before = fingerprints.now()
    assert fingerprints.now() == before
    other = _engine(tmp_path / "other.sqlite3")
    other.dispose()
    (tmp_path / "other.sqlite3").replace(file)
    after = fingerprints.now()
    assert after != before
    assert fingerprints.now() == after
    engine.dispose()


def test_nothing_equals_that_of_an_unreachable_database(tmp_path: Path) -> None:
    (tmp_path / "no folder").touch()
    engine = open_engine(f"sqlite:///{tmp_path / 'no folder' / 'runs.sqlite3'}")
    fingerprints = Fingerprints(engine)
    assert fingerprints.now() != fingerprints.now()


def test_it_can_be_read_again_after_the_engine_is_disposed_of(file: Path) -> None:
    engine = _engine(file)
    fingerprints = Fingerprints(engine)
    before = fingerprints.now()
    engine.dispose()
    assert fingerprints.now() != before
    engine.dispose()


class _Turnstile:
    """A lock that nobody gets until all have come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.all_arrived = threading.Barrier(CALLERS + 1)

    def __enter__(self) -> None:
        self.all_arrived.wait(60)
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_callers_that_wait_for_sqlite_share_a_reading_that_began_after_they_came(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _engine(file)
    fingerprints = Fingerprints(engine)
    before = fingerprints.now()
    turnstile = _Turnstile()
    monkeypatch.setattr(fingerprints, "_lock", turnstile)
    statements: list[str] = []
    fingerprints._connection.dbapi_connection.set_trace_callback(statements.append)
    with ThreadPoolExecutor(CALLERS) as callers:
        waiting = [callers.submit(fingerprints.now) for _ in range(CALLERS)]
        write(engine, running("one"))
        turnstile.all_arrived.wait(60)
        found = {each.result(60) for each in waiting}
    assert len(found) == 1
    assert before not in found
    assert len(statements) == 2
    engine.dispose()
