"""What is said about the first run."""

from __future__ import annotations

from typing import Any

import pytest

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.onboarding.first_run import RunWatch, describe_run
from canvas_sync_exporter.settings import configuration
from support.runs import failed, snapshot, write
from support.tables import create_tables


@pytest.fixture
def watch(empty_database_url: str) -> RunWatch:
    engine = open_engine(empty_database_url)
    create_tables(engine)
    write(engine, snapshot("before"))
    engine.dispose()
    watch = RunWatch(configuration({"CANVAS_SYNC_DATABASE_URL": empty_database_url}))
    watch.start()
    return watch


def described(watch: RunWatch, run: Any) -> list[str]:
    write(watch._engine, run)
    arrived = watch.arrived()
    watch.close()
    assert arrived is not None
    return list(describe_run(arrived))


def test_only_a_run_that_is_new_has_arrived(watch: RunWatch) -> None:
    assert watch.arrived() is None
    first, *reasons = described(watch, snapshot("after"))
    assert first.startswith("after ended after ")
    assert not reasons


def test_a_failure_says_why(watch: RunWatch) -> None:
    assert described(watch, failed("after"))[1:] == ["TimeoutError: Canvas did not answer"]


@pytest.mark.parametrize(
    ("metadata", "reasons"),
    [
        ({}, ["No API calls: the hook", "No database operations: the engine"]),
        ({"command": "nightly.py"}, ["`canvas-sync-monitor run` counts neither"]),
    ],
)
def test_what_was_not_recorded_is_explained(
    watch: RunWatch, metadata: dict[str, Any], reasons: list[str]
) -> None:
    run = snapshot("after", api_calls=0, db_operations=0, metadata=metadata)
    found = described(watch, run)[1:]
    assert len(found) == len(reasons)
    for line, beginning in zip(found, reasons, strict=True):
        assert line.startswith(beginning)
