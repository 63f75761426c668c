"""Lines that sum up database operations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.analysis import report_of
from support.sync_logs import human_of, line_of_record

SUMMED = {
    "timestamp": "2025-12-22T10:15:30.000000Z",
    "event": "db_operation",
    "operation": "INSERT",
    "table": "grades",
    "count": 1200,
    "operations": 600,
    "duration_seconds": 1.2,
}
"""A line that stands for 600 operations."""


@pytest.mark.parametrize("to_line", [line_of_record, human_of], ids=["json", "text"])
def test_a_line_that_sums_up_operations_counts_as_all_of_them(
    tmp_path: Path, to_line: Callable[[dict[str, Any]], bytes]
) -> None:
    single = {**SUMMED, "operations": 1, "count": 1, "duration_seconds": 0.3}
    lines = [{**SUMMED, "longest_seconds": 0.05}, single]
    (tmp_path / "database.log").write_bytes(b"".join(map(to_line, lines)))
    report = report_of(tmp_path)
    assert report.database_total.count == 601
    (row,) = report.database
    assert (row.count, row.rows, row.failed) == (601, 1201, 0)
    assert row.average == pytest.approx(1.5 / 601)
    assert row.p50 == pytest.approx(0.002, rel=0.06)
    assert row.max == 0.3


def test_the_longest_of_the_operations_that_a_line_sums_up_is_in_the_maximum(
    tmp_path: Path,
) -> None:
    (tmp_path / "database.log").write_bytes(line_of_record({**SUMMED, "longest_seconds": 0.05}))
    (row,) = report_of(tmp_path).database
    assert (row.count, row.max) == (600, 0.05)
    assert row.average == pytest.approx(0.002)


@pytest.mark.parametrize("number", [0, -1, 2**40, "many"])
def test_a_line_that_sums_up_an_impossible_number_is_unreadable(
    tmp_path: Path, number: object
) -> None:
    (tmp_path / "database.log").write_bytes(line_of_record({**SUMMED, "operations": number}))
    report = report_of(tmp_path)
    assert report.database == []
    assert [row.unreadable for row in report.unreadable] == [1]
