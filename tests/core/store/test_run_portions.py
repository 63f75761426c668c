"""Runs are read from the newest on in portions that take a bounded time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store import run_portions
from canvas_sync_core.store.run_filter import RunFilter
from support.runs import HOUR, NOON, at, snapshot, write


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def test_portions_grow_up_to_a_limit(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_portions, "_FIRST", 1)
    monkeypatch.setattr(run_portions, "_LARGEST", 6)
    write(engine, *(snapshot(f"run-{n}", start_time=at(-n)) for n in range(20)))
    with engine.connect() as connection:
        ends = [each.end for each in run_portions.portions(connection, RunFilter(), None, 60)]
    hours = [(NOON - end[0]) // HOUR for end in ends if end is not None]
    assert (hours, ends[-1]) == ([0, 4, 10, 16], None)


def test_a_portion_is_no_larger_than_fits_into_the_time_that_is_left(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter((0, 0, 2, 2, 8))  # the start, and start and end of two portions
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr(run_portions, "time", clock)
    monkeypatch.setattr(run_portions, "_FIRST", 2)
    write(engine, *(snapshot(f"run-{n}", start_time=at(-n)) for n in range(20)))
    with engine.connect() as connection:
        ends = [each.end for each in run_portions.portions(connection, RunFilter(), None, 8)]
    # Two runs took two seconds, so six fit into the six that are left, although 2 * 4 come next.
    assert [(NOON - end[0]) // HOUR for end in ends if end is not None] == [1, 7]
