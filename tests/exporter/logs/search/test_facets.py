"""Facets count the values of the lines that match, within bounds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search import FACETS, Facets, LineFilter, count_facets
from support.log_folders import EPOCH, json_line, lay_out, record, text_line
from support.log_moves import rotate_log, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    calls = [
        record(
            Log.API_CALLS,
            second,
            status_code=404 if second % 4 == 0 else 200,
            level="WARNING" if second % 4 == 0 else "INFO",
            user_id=second % 3,
        )
        for second in range(12)
    ]
    lay_out(tmp_path, Log.API_CALLS, [map(json_line, calls)], 0)
    lay_out(tmp_path, Log.PROGRESS, [[text_line(record(Log.PROGRESS, 3))]], 0)
    return tmp_path


def _facets(
    folder: Path, wanted: LineFilter, lines: int = 1000, values: int = 10, seconds: float = 60
) -> Facets:
    return count_facets(
        folder,
        folder / "archive",
        wanted,
        most_lines=lines,
        most_values=values,
        seconds=seconds,
    )


def test_they_count_the_values_of_the_lines_that_match(folder: Path) -> None:
    found = _facets(folder, LineFilter())
    assert (found.lines, found.is_complete, found.searched_to) == (13, True, None)
    assert set(found.values) == set(FACETS)
    assert found.values["log"] == [("api_calls", 12), ("progress", 1)]
    assert found.values["status"] == [("200", 9), ("404", 3)]
    assert sorted(found.values["user_id"]) == [("0", 4), ("1", 4), ("2", 4)]
    assert _facets(folder, LineFilter(status="404")).values["level"] == [("WARNING", 3)]


def test_they_give_only_the_most_frequent_values(folder: Path) -> None:
    assert _facets(folder, LineFilter(), values=1).values["status"] == [("200", 9)]


def test_they_say_how_far_they_have_counted(folder: Path) -> None:
    found = _facets(folder, LineFilter(logs=(Log.API_CALLS,)), lines=4)
    assert (found.lines, found.is_complete) == (4, False)
    assert found.searched_to == EPOCH + dt.timedelta(seconds=7)
    rotate_log(folder, Log.API_CALLS)
    write(folder, Log.API_CALLS, range(12, 15))
    hurried = _facets(folder, LineFilter(logs=(Log.API_CALLS,)), seconds=0)
    assert not hurried.is_complete
    assert hurried.bytes_left > 0
