"""A log is followed through rotation, truncation and half-written lines."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.follow import _Reading
from canvas_sync_exporter.logs.reader import LINE_LIMIT
from support.log_tails import Writing, numbers


def test_a_line_is_shown_once_it_is_whole(writing: Writing) -> None:
    line = writing.line(Log.ERRORS)
    with closing(writing.tail()) as tail, writing.path(Log.ERRORS).open("ab", 0) as file:
        file.write(line[:40])
        assert tail.poll() == []
        file.write(line[40:])
        assert numbers(tail) == [0]


def test_a_line_that_is_half_written_at_the_start_is_shown_later(writing: Writing) -> None:
    writing.lines(Log.ERRORS, 1)
    line = writing.line(Log.ERRORS)
    with writing.path(Log.ERRORS).open("ab", 0) as file:
        file.write(line[:40])
        with closing(writing.tail()) as tail:
            assert [line.fields["task_id"] for line in tail.newest] == ["0"]
            file.write(line[40:])
            assert numbers(tail) == [1]


def test_a_line_that_comes_late_to_a_rotated_file_is_shown(writing: Writing) -> None:
    writing.lines(Log.ERRORS, 1)
    with closing(writing.tail()) as tail, writing.path(Log.ERRORS).open("ab", 0) as slow:
        writing.rotate(Log.ERRORS)
        writing.lines(Log.ERRORS, 1)
        assert numbers(tail) == [1]
        slow.write(writing.line(Log.ERRORS))
        assert numbers(tail) == [2]


def test_lines_of_a_log_that_is_rotated_at_once_are_shown(writing: Writing) -> None:
    """Nobody has made a new live file yet."""
    with closing(writing.tail()) as tail:
        writing.lines(Log.ERRORS, 1)
        writing.rotate(Log.ERRORS)
        assert numbers(tail) == [0]
        writing.lines(Log.ERRORS, 1)
        writing.rotate(Log.ERRORS)
        assert numbers(tail) == [1]
        assert numbers(tail) == []


def test_a_log_that_is_truncated_is_read_from_its_beginning(writing: Writing) -> None:
    writing.lines(Log.ERRORS, 5)
    with closing(writing.tail()) as tail:
        writing.path(Log.ERRORS).write_bytes(writing.line(Log.ERRORS))
        assert numbers(tail) == [5]


def test_a_log_that_is_removed_and_recreated_is_read_from_its_beginning(writing: Writing) -> None:
    writing.lines(Log.ERRORS, 5)
    with closing(writing.tail()) as tail:
        writing.path(Log.ERRORS).unlink()
        assert numbers(tail) == []
        writing.lines(Log.ERRORS, 3)
        assert numbers(tail) == [5, 6, 7]


def test_a_line_that_is_too_long_is_passed_over(writing: Writing) -> None:
    with closing(writing.tail()) as tail, writing.path(Log.ERRORS).open("ab", 0) as file:
        file.write(writing.line(Log.ERRORS))
        for _ in range(30):
            file.write(b"x" * LINE_LIMIT)
        assert numbers(tail) == [0]
        file.write(b"the rest of it\n" + writing.line(Log.ERRORS))
        assert numbers(tail) == [1]


def test_a_file_that_was_shortened_after_it_was_read_is_compared_as_far_as_it_goes(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    new.write_bytes(b"second\nthird\n")
    for content, same in ((b"first\nsecond\n", 7), (b"first\n", 0), (b"", 0)):
        old.write_bytes(content)
        with old.open("rb", buffering=0) as raw, new.open("rb", buffering=0) as copy:
            reading = _Reading(raw, (0, 0), offset=1000)
            assert reading.copied_to(copy, None) == same
