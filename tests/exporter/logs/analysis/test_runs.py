"""Suspect runs, and runs that seemed to be interrupted, in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.analysis import report_of
from support.sync_logs import line_of_record


def suspicion(minute: int, reasons: list[str], **fields: Any) -> dict[str, Any]:
    return {
        "timestamp": f"2025-12-22T10:{minute:02d}:00.000000Z",
        "event": "run_suspect",
        "task_id": f"nightly-{minute}",
        "user_id": 42,
        "sync_type": "full",
        "suspect_reasons": reasons,
        **fields,
    }


def test_suspect_runs_are_counted_by_reason_and_listed_newest_first(tmp_path: Path) -> None:
    why = "few_items: 12 items where 110 are usual; fast: 1.5 s where 90.0 s are usual"
    records = [
        suspicion(1, ["few_items", "fast"], suspect_reason=why),
        suspicion(2, ["fast"], suspect_reason="fast: 2.0 s where 90.0 s are usual"),
        suspicion(3, ["slow"], suspect_reason="slow: 900.0 s where 90.0 s are usual"),
    ]
    live, backup = tmp_path / "operations.log", tmp_path / "operations.log.1"
    backup.write_bytes(b"".join(map(line_of_record, records[:2])))
    live.write_bytes(line_of_record(records[2]))
    for _ in range(2):  # the second time from the cache
        runs = report_of(tmp_path, top=2).runs
        assert runs.suspect_count == 3
        assert [(row.name, row.count) for row in runs.suspect_reasons] == [
            ("fast", 2),
            ("few_items", 1),
        ]
        assert [(row.task_id, row.reasons) for row in runs.suspects] == [
            ("nightly-3", ["slow"]),
            ("nightly-2", ["fast"]),
        ]
    assert report_of(tmp_path).runs.suspects[-1].message == why


def test_a_suspect_run_of_the_text_format_has_its_reasons(tmp_path: Path) -> None:
    line = "[2025-12-22 10:15:30] Sync Task: nightly-42, 42, suspect, few_items fast\n"
    (tmp_path / "operations.log").write_text(line)
    (row,) = report_of(tmp_path).runs.suspects
    assert (row.task_id, row.user_id, row.message) == ("nightly-42", 42, None)
    assert row.reasons == ["few_items", "fast"]


def event(second: int, name: str, **fields: Any) -> dict[str, Any]:
    return {
        "timestamp": f"2025-12-22T10:00:{second:02d}.000000Z",
        "event": name,
        "task_id": "nightly-42",
        "user_id": 42,
        "sync_type": "full",
        **fields,
    }


def end(second: int, status: str) -> dict[str, Any]:
    return event(second, "run_ended", status=status, duration_seconds=float(second))


STARTED = event(0, "run_started")
BEFORE = event(1, "run_ended", task_id="earlier", status="interrupted", duration_seconds=7.0)
INTERRUPTED = end(10, "interrupted")
ENDED = end(30, "success")


@pytest.mark.parametrize("rotated_after", range(1, 4))
def test_a_run_that_seemed_interrupted_and_then_ended_is_counted_once(
    tmp_path: Path, rotated_after: int
) -> None:
    """The machine slept, or was too busy for heartbeats, and the exporter took the run for dead."""
    lines = [line_of_record(record) for record in (STARTED, BEFORE, INTERRUPTED, ENDED)]
    (tmp_path / "operations.log.1").write_bytes(b"".join(lines[:rotated_after]))
    (tmp_path / "operations.log").write_bytes(b"".join(lines[rotated_after:]))
    for _ in range(2):  # the second time from the cache
        runs = report_of(tmp_path).runs
        rows = {row.status: (row.count, row.average) for row in runs.by_status}
        assert rows == {"success": (1, 30.0), "interrupted": (1, 7.0)}
        assert [run.task_id for run in runs.troubled] == ["earlier"]
        assert runs.open_count == 0


@pytest.mark.parametrize("rotated_after", range(1, 4))
def test_an_interrupted_run_is_counted_beside_its_next_attempt(
    tmp_path: Path, rotated_after: int
) -> None:
    again = event(20, "run_started")
    lines = [line_of_record(record) for record in (STARTED, INTERRUPTED, again, ENDED)]
    (tmp_path / "operations.log.1").write_bytes(b"".join(lines[:rotated_after]))
    (tmp_path / "operations.log").write_bytes(b"".join(lines[rotated_after:]))
    runs = report_of(tmp_path).runs
    assert {row.status: row.count for row in runs.by_status} == {"success": 1, "interrupted": 1}
