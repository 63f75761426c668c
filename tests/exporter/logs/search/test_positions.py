"""A page goes on where the last one ended, although files move or are deleted."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.reader import LINE_LIMIT
from canvas_sync_exporter.logs.search import BadCursorError, FoundLine, LineFilter, LogSearch, Order
from support.log_folders import EPOCH, json_line, lay_out, record, text_line
from support.log_moves import MOVES, retention, rotate_log, write
from support.log_search import found_in, search


@pytest.mark.parametrize("keep_lines", [0, 3, 12, 1000])
@pytest.mark.parametrize("first_page", [1, 4, 15])
def test_pages_go_on_after_rotations_and_cleanups(
    tmp_path: Path, keep_lines: int, first_page: int
) -> None:
    """Between two pages everything moves; nothing is left out, doubled or added."""
    write(tmp_path, Log.ERRORS, range(10))
    rotate_log(tmp_path, Log.ERRORS)
    write(tmp_path, Log.ERRORS, range(10, 20))
    write(tmp_path, Log.PROGRESS, range(5, 15))
    expected = found_in(tmp_path, LineFilter())
    found: list[FoundLine] = []
    with search(tmp_path, LineFilter(), limit=first_page) as page:
        found += page
        cursor = page.cursor
    steps: Iterator[Callable[[], object]] = iter(
        [
            lambda: cleanup_canvas_sync_logs(retention(tmp_path, keep_lines)),
            lambda: write(tmp_path, Log.ERRORS, range(50, 60)),
            lambda: rotate_log(tmp_path, Log.ERRORS),
            lambda: cleanup_canvas_sync_logs(retention(tmp_path, keep_lines)),
        ]
    )
    while cursor is not None:
        for step in itertools.islice(steps, 1):
            step()
        with search(tmp_path, LineFilter(), limit=4, cursor=cursor) as page:
            found += page
            cursor = page.cursor
    assert [line.fields for line in found] == [line.fields for line in expected]


@settings(max_examples=60, deadline=None)
@given(
    formats=st.lists(st.sampled_from([json_line, text_line]), min_size=20, max_size=20),
    limit=st.integers(1, 19),
    moves=st.lists(st.lists(st.sampled_from(sorted(MOVES)), max_size=5), max_size=4),
    order=st.sampled_from(Order),
)
def test_pages_go_on_whatever_moves_between_them(
    formats: list[Callable[[dict[str, Any]], bytes]],
    limit: int,
    moves: list[list[str]],
    order: Order,
) -> None:
    """Also when a cleanup moves a single line, and several of them cut one file to pieces.

    Oldest first, the lines written meanwhile follow at the end.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        lines = [form(record(Log.ERRORS, second)) for second, form in enumerate(formats)]
        (folder / "errors.log").write_bytes(b"".join(lines))
        expected = found_in(folder, LineFilter(), order)
        later = itertools.count(100)
        found: list[FoundLine] = []
        cursor: str | None = None
        while not found or cursor is not None:
            with search(folder, LineFilter(), limit=limit, cursor=cursor, order=order) as page:
                found += page
                cursor = page.cursor
                assert page.notes.problems == []
            for move in moves.pop() if moves else ():
                MOVES[move](folder, later)
    written = 0 if order is Order.NEWEST else next(later) - 100
    assert [line.fields for line in found[: len(expected)]] == [line.fields for line in expected]
    times = [line.time for line in found[len(expected) :]]
    assert times == [EPOCH + dt.timedelta(seconds=100 + n) for n in range(len(times))]
    assert len(times) <= written


@pytest.mark.parametrize("is_long", [False, True])
def test_a_page_goes_on_though_a_file_begins_with_a_line_too_long_to_read(
    tmp_path: Path, is_long: bool
) -> None:
    first = b"x" * (LINE_LIMIT + 9 if is_long else 9) + b"\n"
    lines = [json_line(record(Log.ERRORS, second)) for second in range(6)]
    lay_out(tmp_path, Log.ERRORS, [[first, *lines]], 0)
    with search(tmp_path, LineFilter(), limit=3) as page:
        assert len(list(page)) == 3
        cursor = page.cursor
    cleanup_canvas_sync_logs(retention(tmp_path, 1))
    with search(tmp_path, LineFilter(), cursor=cursor) as rest:
        assert len(list(rest)) == 3
        assert rest.notes.problems == []


@pytest.mark.parametrize("cursor", ["", "7b", "zz", "7b7d0", b'{"errors":1}'.hex()])
def test_text_that_is_not_a_cursor_is_rejected(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(BadCursorError):
        LogSearch(tmp_path, tmp_path, LineFilter(), limit=1, cursor=cursor)


@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_cursor_breaks_a_search(raw: bytes) -> None:
    with TemporaryDirectory() as name:
        write(Path(name), Log.ERRORS, range(2))
        try:
            with search(Path(name), LineFilter(), cursor=raw.hex()) as found:
                list(found)
        except BadCursorError:
            pass


def _first_of(folder: Path, limit: int) -> str:
    with search(folder, LineFilter(), limit=limit) as page:
        assert len(list(page)) == limit
        assert page.cursor is not None
        return page.cursor


def test_a_deleted_archive_of_a_page_is_reported_and_older_ones_are_searched(
    tmp_path: Path,
) -> None:
    for numbers in (range(2), range(2, 5)):
        write(tmp_path, Log.ERRORS, numbers)
        cleanup_canvas_sync_logs(retention(tmp_path, 0))
    write(tmp_path, Log.ERRORS, range(5, 6))
    cursor = _first_of(tmp_path, 2)
    older, newer = sorted((tmp_path / "archive").glob("*.tar.gz"))
    newer.unlink()
    with search(tmp_path, LineFilter(), cursor=cursor) as rest:
        assert [line.place.archive for line in rest] == [older.name] * 2
        assert rest.cursor is None
        assert rest.notes.problems == [
            f"{newer.name} was deleted before it was searched to its end"
        ]


def test_a_search_oldest_first_goes_on_with_newer_archives_if_that_of_a_page_is_deleted(
    tmp_path: Path,
) -> None:
    for numbers in (range(2), range(2, 5), range(5, 7)):
        write(tmp_path, Log.ERRORS, numbers)
        cleanup_canvas_sync_logs(retention(tmp_path, 0))
    write(tmp_path, Log.ERRORS, range(7, 8))
    with search(tmp_path, LineFilter(), limit=3, order=Order.OLDEST) as page:
        assert len(list(page)) == 3
        cursor = page.cursor
    _, middle, newer = sorted((tmp_path / "archive").glob("*.tar.gz"))
    middle.unlink()
    with search(tmp_path, LineFilter(), cursor=cursor, order=Order.OLDEST) as rest:
        assert [line.place.archive for line in rest] == [newer.name, newer.name, ""]
        assert rest.notes.problems == [
            f"{middle.name} was deleted before it was searched to its end"
        ]


def test_a_file_of_a_page_that_is_archived_and_deleted_is_reported(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(6))
    write(tmp_path, Log.PROGRESS, range(6))
    cursor = _first_of(tmp_path, 4)
    cleanup_canvas_sync_logs(retention(tmp_path, 0))
    for archive in (tmp_path / "archive").glob("errors-*"):
        archive.unlink()
    write(tmp_path, Log.ERRORS, range(50, 53))
    with search(tmp_path, LineFilter(), cursor=cursor) as rest:
        assert {line.log for line in rest} == {Log.PROGRESS}
        assert rest.cursor is None
        (problem,) = rest.notes.problems
    assert problem.startswith("errors: the file in which the search would continue is gone")


def test_a_cursor_of_the_other_direction_is_refused(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(3))
    cursor = _first_of(tmp_path, 1)
    with pytest.raises(BadCursorError, match="order `newest`"):
        LogSearch(tmp_path, tmp_path, LineFilter(), limit=1, cursor=cursor, order=Order.OLDEST)
