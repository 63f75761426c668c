"""The lines around a line, in all logs."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.search import (
    FoundLine,
    LineContext,
    LineFilter,
    LogSearch,
    line_context,
)
from support.log_folders import json_line, lay_out, record
from support.log_moves import retention, rotate_log, write

NO_LIMIT = LineFilter()


def _all_lines(folder: Path) -> list[FoundLine]:
    with closing(LogSearch(folder, folder / "archive", LineFilter(), limit=1000)) as search:
        return list(search)[::-1]


def _context(
    folder: Path,
    line: FoundLine,
    wanted: LineFilter = NO_LIMIT,
    *,
    count: int = 1000,
    seconds: float = 60,
) -> LineContext:
    return line_context(
        folder,
        folder / "archive",
        line,
        wanted,
        before=count,
        after=count,
        seconds=seconds,
    )


def _keys(lines: list[FoundLine]) -> list[tuple[dt.datetime, Log, str]]:
    return [(line.time, line.log, line.fields["task_id"]) for line in lines]


@settings(max_examples=40, deadline=None)
@given(
    written=st.lists(
        st.tuples(st.sampled_from(Log), st.sampled_from([0, 0, 1])), min_size=1, max_size=20
    ),
    data=st.data(),
)
def test_a_line_with_those_before_and_after_it_gives_all_lines_once(
    written: list[tuple[Log, int]], data: st.DataObject
) -> None:
    """Also when lines of several logs have the same time."""
    lines: dict[Log, list[bytes]] = {log: [] for log in Log}
    second = 0
    for number, (log, step) in enumerate(written):
        second += step
        lines[log].append(json_line(record(log, second, task_id=str(number))))
    with TemporaryDirectory() as name:
        folder = Path(name)
        for log in Log:
            cut = data.draw(st.integers(0, len(lines[log])))
            lay_out(folder, log, [lines[log][:cut], lines[log][cut:]], 0)
        everything = _all_lines(folder)
        line = data.draw(st.sampled_from(everything))
        found = _context(folder, line)
        assert found.is_complete
        around = [*found.before, line, *found.after]
        assert sorted(_keys(around)) == sorted(_keys(everything))
        assert [each.time for each in around] == sorted(each.time for each in around)
        count = data.draw(st.integers(0, 5))
        fewer = _context(folder, line, count=count)
        assert fewer.before == (found.before[-count:] if count else [])
        assert fewer.after == found.after[:count]


def test_the_context_reaches_over_rotation_and_archives(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(4))
    write(tmp_path, Log.PROGRESS, range(2, 9))
    cleanup_canvas_sync_logs(retention(tmp_path, 0))
    write(tmp_path, Log.ERRORS, range(4, 7))
    rotate_log(tmp_path, Log.ERRORS)
    write(tmp_path, Log.ERRORS, range(7, 9))
    line = next(each for each in _all_lines(tmp_path) if each.fields["task_id"] == "run 4")
    found = _context(tmp_path, line, count=3)
    assert [each.fields["task_id"] for each in found.before][-2:] == ["run 3", "run 3"]
    assert [each.fields["task_id"] for each in found.after] == ["run 4", "run 5", "run 5"]


def test_the_filters_hold_for_the_lines_around(tmp_path: Path) -> None:
    for log in (Log.ERRORS, Log.PROGRESS):
        write(tmp_path, log, range(9))
    line = next(each for each in _all_lines(tmp_path) if each.fields["task_id"] == "run 4")
    found = _context(tmp_path, line, LineFilter(logs=(Log.PROGRESS,), text="run 2"))
    assert _keys(found.before) == [(line.time - dt.timedelta(seconds=2), Log.PROGRESS, "run 2")]
    assert found.after == []


@pytest.mark.parametrize("seconds", [0, 60])
def test_it_says_when_its_time_was_too_short(tmp_path: Path, seconds: int) -> None:
    for begin in (0, 3, 6, 9):
        write(tmp_path, Log.ERRORS, range(begin, begin + 3))
        rotate_log(tmp_path, Log.ERRORS)
    line = _all_lines(tmp_path)[5]
    assert _context(tmp_path, line, seconds=seconds).is_complete == bool(seconds)
