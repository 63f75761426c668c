"""The newest lines and those that follow, whatever happens to the files."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs import tail as tail_module
from canvas_sync_exporter.logs.search import LineFilter, LogSearch, Order
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.logs.tail import LogTail, Skipped
from support.log_folders import EPOCH, json_line, record, text_line
from support.log_tails import Writing, numbers

LOGS = (Log.ERRORS, Log.PROGRESS)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(LOGS), st.integers(1, 8)),
        st.tuples(st.just("rotate"), st.sampled_from(LOGS), st.just(0)),
        st.tuples(st.just("clean"), st.just(Log.ERRORS), st.integers(0, 10)),
        st.tuples(st.just("look"), st.just(Log.ERRORS), st.just(0)),
    ),
    max_size=15,
)


@settings(max_examples=40, deadline=None)
@given(before=ACTIONS, after=ACTIONS, shown=st.integers(0, 20))
def test_every_line_is_shown_once_through_rotations_and_cleanups(
    before: list[tuple[str, Log, int]], after: list[tuple[str, Log, int]], shown: int
) -> None:
    """What a cleanup archives between two looks is the only thing that is not shown."""
    with TemporaryDirectory() as name:
        writing = Writing(Path(name))
        for what, log, count in before:
            _do(writing, what, log, count)
        with closing(writing.tail(shown)) as tail:
            first = [int(line.fields["task_id"]) for line in tail.newest]
            begun = writing.written
            assert first == list(range(begun))[begun - min(shown, begun) :]
            found: list[int] = []
            for what, log, count in after:
                if what == "clean":
                    found += numbers(tail)
                if what == "look":
                    found += numbers(tail)
                else:
                    _do(writing, what, log, count)
            found += numbers(tail)
        assert sorted(found) == list(range(begun, writing.written))


def _do(writing: Writing, what: str, log: Log, count: int) -> None:
    if what == "write":
        writing.lines(log, count)
    elif what == "rotate":
        writing.rotate(log)
    elif what == "clean":
        writing.clean(count)


@settings(max_examples=40, deadline=None)
@given(actions=ACTIONS, away=ACTIONS, cut=st.integers(0, 8), shown=st.integers(0, 5))
def test_a_client_that_was_away_goes_on_after_the_last_line_that_it_got(
    actions: list[tuple[str, Log, int]],
    away: list[tuple[str, Log, int]],
    cut: int,
    shown: int,
) -> None:
    """Wherever the stream was cut, and whatever happened to the files meanwhile."""
    with TemporaryDirectory() as name:
        writing = Writing(Path(name))
        writing.lines(Log.ERRORS, 2)
        received: list[int] = []
        cursors: list[str] = []
        with closing(writing.tail(shown)) as tail:
            begun = writing.written - min(shown, writing.written)
            cursors.append(tail.cursor if not tail.newest else "")
            lines = tail.newest
            for what, log, count in [*actions, ("look", Log.ERRORS, 0)]:
                for line in lines:
                    cursors.append(tail.advance(line))
                    received.append(int(line.fields["task_id"]))
                if what != "clean":  # what it archives between two looks is not shown
                    _do(writing, what, log, count)
                lines = tail.poll()
            for line in lines:
                cursors.append(tail.advance(line))
                received.append(int(line.fields["task_id"]))
        last = max(0, len(cursors) - 1 - cut)
        if not cursors[last]:
            return
        for action in away:
            _do(writing, *action)
        with closing(writing.tail(after=cursors[last])) as tail:
            assert tail.skipped is None
            again = [int(line.fields["task_id"]) for line in tail.newest]
            writing.lines(Log.PROGRESS, 1)
            again += numbers(tail)
        assert sorted(received[:last] + again) == list(range(begun, writing.written))


def test_a_quiet_stream_goes_on_after_everything_it_has_read(writing: Writing) -> None:
    with closing(writing.tail(0, text="nothing")) as tail:
        writing.lines(Log.ERRORS, 3)
        assert tail.poll() == []
        cursor = tail.cursor
    writing.lines(Log.ERRORS, 2)
    with closing(writing.tail(after=cursor)) as tail:
        assert [line.fields["task_id"] for line in tail.newest] == ["3", "4"]


def test_a_log_that_did_not_exist_yet_is_read_from_its_start(writing: Writing) -> None:
    with closing(writing.tail()) as tail:
        cursor = tail.cursor
    writing.lines(Log.ERRORS, 2)
    writing.rotate(Log.ERRORS)
    writing.lines(Log.ERRORS, 2)
    with closing(writing.tail(after=cursor)) as tail:
        assert [line.fields["task_id"] for line in tail.newest] == ["0", "1", "2", "3"]


def _load(writing: Writing, skipped: Skipped) -> list[str]:
    """Search for what was skipped."""
    search = LogSearch(
        writing.folder,
        writing.folder / "archive",
        LineFilter(),
        limit=skipped.lines,
        order=Order.OLDEST,
        cursor=skipped.next,
    )
    with closing(search):
        return [line.fields["task_id"] for line in search]


def test_too_many_new_lines_are_skipped_counted_and_can_be_loaded(writing: Writing) -> None:
    with closing(writing.tail(0, most=3)) as tail:
        for log in (Log.ERRORS, Log.PROGRESS):
            writing.lines(log, 5)
        assert [line.fields["task_id"] for line in tail.poll()] == ["7", "8", "9"]
        skipped = tail.skipped
        assert skipped is not None
        assert (skipped.lines, skipped.is_exact) == (7, True)
        assert _load(writing, skipped) == [str(number) for number in range(7)]
        assert (tail.poll(), tail.skipped) == ([], None)


def test_a_client_that_was_away_for_long_is_told_how_much_it_missed(writing: Writing) -> None:
    with closing(writing.tail(0)) as tail:
        cursor = tail.cursor
    writing.lines(Log.ERRORS, 5)
    writing.clean(0)
    writing.lines(Log.ERRORS, 2)
    with closing(writing.tail(after=cursor, most=3)) as tail:
        assert [line.fields["task_id"] for line in tail.newest] == ["4", "5", "6"]
        assert tail.skipped is not None
        assert (tail.skipped.lines, tail.skipped.is_exact) == (4, True)
        assert _load(writing, tail.skipped) == ["0", "1", "2", "3"]


def test_a_client_that_was_away_too_long_to_count_gets_the_newest_lines(
    writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing.lines(Log.ERRORS, 1)
    with closing(writing.tail(0)) as tail:
        cursor = tail.cursor
    writing.lines(Log.ERRORS, 3000)  # more than a block, which is always searched
    monkeypatch.setattr(tail_module, "_RESUME_SECONDS", 0)
    with closing(writing.tail(after=cursor, most=2)) as tail:
        assert [line.fields["task_id"] for line in tail.newest] == ["2999", "3000"]
        assert tail.skipped is not None
        assert (tail.skipped.is_exact, tail.skipped.next) == (False, cursor)
        assert 0 < tail.skipped.lines < 2998
        assert numbers(tail) == []


def test_a_client_whose_position_was_deleted_starts_with_the_newest_lines(writing: Writing) -> None:
    writing.lines(Log.ERRORS, 5)
    with closing(writing.tail(0)) as tail:
        cursor = tail.cursor
    writing.path(Log.ERRORS).unlink()
    writing.lines(Log.ERRORS, 5)
    with closing(writing.tail(2, after=cursor)) as tail:
        assert [line.fields["task_id"] for line in tail.newest] == ["8", "9"]
        assert tail.skipped == Skipped(0, False, None)


def test_lines_of_one_poll_come_in_order_of_time(writing: Writing) -> None:
    with closing(writing.tail()) as tail:
        for log in (Log.PROGRESS, Log.ERRORS, Log.OPERATIONS, Log.PROGRESS):
            writing.lines(log, 2)
        assert [int(line.fields["task_id"]) for line in tail.poll()] == list(range(8))


def test_human_lines_are_followed_too(writing: Writing) -> None:
    with closing(writing.tail()) as tail:
        fields = record(Log.ERRORS, 0.5)
        writing.path(Log.ERRORS).write_bytes(b"garbage\n" + text_line(fields) + json_line(fields))
        shown = tail.poll()
    assert [line.fields["message"] for line in shown] == [fields["message"]] * 2
    assert [line.time for line in shown] == [EPOCH, EPOCH + dt.timedelta(seconds=0.5)]


def test_only_the_chosen_logs_are_shown(writing: Writing) -> None:
    writing.lines(Log.ERRORS, 2)
    writing.lines(Log.PROGRESS, 2)
    with closing(writing.tail(logs=(Log.ERRORS,))) as tail:
        assert [line.log for line in tail.newest] == [Log.ERRORS] * 2
        writing.lines(Log.PROGRESS, 1)
        assert tail.poll() == []


def test_a_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LogFolderError, match="missing"):
        LogTail(tmp_path / "missing", tmp_path, LineFilter(), lines=1)
