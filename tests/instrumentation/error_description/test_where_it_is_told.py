"""The places of an error are in the logs, the row and the span."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown
from support.log_lines import records_in
from support.otlp import attributes_of, http_receiver, span_named


def save(row: dict[str, Any]) -> None:
    row["grader_id"]


def test_a_run_that_fails_reports_the_key_and_the_places(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    with http_receiver() as receiver:
        configure(environ={**os.environ, **receiver.environ})
        with pytest.raises(KeyError), CanvasSyncMetricsTracker("nightly", 42):
            save({})
        shutdown()
        span = span_named(receiver.wait_for_spans(1), "canvas.sync")
    line = save.__code__.co_firstlineno + 1
    location = f"{__name__}:save:{line}"
    (error,) = records_in(logs / "errors.log")
    ended = records_in(logs / "operations.log")[-1]
    for record in (error, ended):
        assert (record["error_type"], record["error"]) == ("KeyError", "'grader_id'")
        assert record["error_traceback"][-1] == location
        assert len(record["error_traceback"]) == 2
    assert attributes_of(span.attributes)["code.stacktrace"].splitlines()[-1] == location
    engine = open_engine(f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}")
    with engine.connect() as connection:
        found = connection.execute(sa.select(metrics_table.c.error_traceback)).scalar_one()
    engine.dispose()
    assert found == error["error_traceback"]
