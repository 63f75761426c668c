"""Giving the space of deleted rows back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import event

from canvas_sync_core.store import free_space
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.free_space import give_back_space

_ROWS = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s LIMIT 400) SELECT n FROM s"


def _execute(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()


def _fill_and_empty(file: Path) -> None:
    """Leave 400 free pages at least."""
    _execute(
        file,
        "CREATE TABLE filler (content)",
        f"INSERT INTO filler SELECT randomblob(4000) FROM ({_ROWS})",
        "DELETE FROM filler",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    )


def test_the_file_shrinks_in_short_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock on which a page takes a millisecond, each has about twenty pages."""
    file = tmp_path / "runs.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    _fill_and_empty(file)
    before = file.stat().st_size
    commits: list[str] = []
    event.listen(engine, "commit", lambda _: commits.append("commit"))
    clock = count()
    monkeypatch.setattr(free_space, "_KEPT_PAGES", 100)
    given_back = give_back_space(engine, lambda: next(clock) / 1000)
    assert given_back >= 300
    assert len(commits) >= given_back / 25
    _execute(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert file.stat().st_size <= before - given_back * 4096
    assert give_back_space(engine) == 0, "some space is kept for the runs to come"
    engine.dispose()


def test_a_file_of_an_older_version_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "runs.sqlite3"
    _execute(file, "CREATE TABLE older (content)")
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    _fill_and_empty(file)
    monkeypatch.setattr(free_space, "_KEPT_PAGES", 0)
    assert give_back_space(engine) == 0
    engine.dispose()
