"""The position of a line finds the same line again, wherever it has been moved."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.search import (
    BadPositionError,
    FoundLine,
    LineFilter,
    LineGoneError,
    LineNotFoundError,
    LinePosition,
    LogSearch,
    locate,
)
from support.log_folders import json_line, lay_out, record, text_line
from support.log_moves import MOVES, retention, rotate_log, write


def _all_lines(folder: Path) -> list[FoundLine]:
    with closing(LogSearch(folder, folder / "archive", LineFilter(), limit=1000)) as search:
        return list(search)


def _find(folder: Path, text: str, seconds: float = 60) -> FoundLine:
    return locate(folder, folder / "archive", LinePosition.decode(text), seconds=seconds)


def _positions(folder: Path) -> list[str]:
    return [LinePosition.of(line).encode() for line in _all_lines(folder)]


@settings(max_examples=30, deadline=None)
@given(
    formats=st.lists(st.sampled_from([json_line, text_line]), min_size=20, max_size=20),
    moves=st.lists(st.sampled_from(sorted(MOVES)), max_size=8),
)
def test_every_line_is_found_again_whatever_moves(
    formats: list[Callable[[dict[str, Any]], bytes]], moves: list[str]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        lines = [form(record(Log.ERRORS, second)) for second, form in enumerate(formats)]
        (folder / "errors.log").write_bytes(b"".join(lines))
        before = _all_lines(folder)
        later = itertools.count(100)
        for move in moves:
            MOVES[move](folder, later)
        for line in before:
            found = _find(folder, LinePosition.of(line).encode())
            assert (found.fields, found.time) == (line.fields, line.time)


def test_equal_lines_of_one_time_are_told_apart_by_their_offsets(tmp_path: Path) -> None:
    line = json_line(record(Log.ERRORS, 1))
    lay_out(tmp_path, Log.ERRORS, [[line] * 3], 0)
    assert [_find(tmp_path, text).start for text in _positions(tmp_path)] == [
        2 * len(line),
        len(line),
        0,
    ]


def test_a_line_is_found_in_a_file_that_another_program_copied_and_compressed(
    tmp_path: Path,
) -> None:
    write(tmp_path, Log.ERRORS, range(5))
    positions = _positions(tmp_path)
    live = tmp_path / "errors.log"
    with gzip.open(tmp_path / "errors.log.1.gz", "wb") as packed:
        packed.write(live.read_bytes())
    live.write_bytes(b"")
    assert [_find(tmp_path, text).fields["task_id"] for text in positions] == [
        f"run {number}" for number in reversed(range(5))
    ]


def test_a_line_that_was_deleted_with_its_archive_is_gone(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(5))
    newest, *_, oldest = _positions(tmp_path)
    cleanup_canvas_sync_logs(retention(tmp_path, 2))
    shutil.rmtree(tmp_path / "archive")
    with pytest.raises(LineGoneError):
        _find(tmp_path, oldest)
    assert _find(tmp_path, newest).fields["task_id"] == "run 4"
    (tmp_path / "errors.log").unlink()
    with pytest.raises(LineGoneError):
        _find(tmp_path, newest)


def test_a_line_that_was_changed_is_not_found(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(5))
    rotate_log(tmp_path, Log.ERRORS)
    position = _positions(tmp_path)[2]
    backup = tmp_path / "errors.log.1"
    backup.write_bytes(backup.read_bytes().replace(b"run 2", b"run X"))
    with pytest.raises(LineNotFoundError, match="no such line any more") as error:
        _find(tmp_path, position)
    assert not isinstance(error.value, LineGoneError)


def test_a_search_for_a_line_is_bounded(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(5))
    position = _positions(tmp_path)[2]
    for second in (5, 6):
        rotate_log(tmp_path, Log.ERRORS)
        write(tmp_path, Log.ERRORS, range(second, second + 1))
    with pytest.raises(LineNotFoundError, match="within 0 seconds"):
        _find(tmp_path, position, seconds=0)


@given(
    log=st.sampled_from(Log),
    time=st.datetimes(timezones=st.just(dt.UTC), max_value=dt.datetime(9999, 1, 1)),
    digest=st.binary(min_size=8, max_size=8),
    start=st.integers(0, 2**62),
)
def test_a_position_survives_a_url(log: Log, time: dt.datetime, digest: bytes, start: int) -> None:
    microseconds = (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    position = LinePosition(log, microseconds, digest, start)
    text = position.encode()
    assert text.replace("-", "").replace("_", "").isalnum()
    assert not text.startswith("-")
    assert LinePosition.decode(text) == position
    assert position.time == time


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.hex()))
def test_text_that_is_not_a_position_is_rejected(text: str) -> None:
    with pytest.raises(BadPositionError):
        LinePosition.decode(text)


def test_a_position_beyond_all_years_is_refused() -> None:
    text = LinePosition(Log.ERRORS, 2**60, b"", 0).encode()
    with pytest.raises(BadPositionError):
        LinePosition.decode(text)
