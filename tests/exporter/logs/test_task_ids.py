"""Lines of a run are found by the id of its row, though they have the id that the app gave."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.records import ErrorRecord, Selection
from canvas_sync_exporter.logs.search import LineFilter, LogSearch
from canvas_sync_exporter.logs.task_ids import ids_in_logs
from support.log_folders import json_line, record


@pytest.mark.parametrize(
    ("task_id", "expected"),
    [
        ("nightly", {"nightly"}),
        ("nightly~2", {"nightly~2", "nightly"}),
        ("nightly~12~3", {"nightly~12~3", "nightly~12"}),
        ("nightly~x", {"nightly~x"}),
        ("~2", {"~2"}),
    ],
)
def test_the_number_that_the_table_added_is_left_out(task_id: str, expected: set[str]) -> None:
    assert ids_in_logs(task_id) == expected


@pytest.mark.parametrize(
    ("task_id", "expected"),
    [("nightly", ["nightly"]), ("nightly~2", ["nightly~2", "nightly"]), ("nightly~3", ["nightly"])],
)
def test_a_search_finds_them(tmp_path: Path, task_id: str, expected: list[str]) -> None:
    ids = ("nightly", "nightly~2", "other")
    lines = [json_line(record(Log.ERRORS, at, task_id=each)) for at, each in enumerate(ids)]
    (tmp_path / "errors.log").write_bytes(b"".join(lines))
    with closing(
        LogSearch(tmp_path, tmp_path / "archive", LineFilter(task_id=task_id), limit=10)
    ) as search:
        assert [found.fields["task_id"] for found in search] == expected


def test_an_analysis_counts_them() -> None:
    moment = dt.datetime(2025, 12, 22, tzinfo=dt.UTC)
    records = [ErrorRecord(timestamp=moment, task_id=each) for each in ("nightly", "other")]
    wanted = Selection(task_id="nightly~2").of(records)
    assert [each.task_id for each in wanted] == ["nightly"]
