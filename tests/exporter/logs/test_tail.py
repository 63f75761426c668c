"""The newest lines and those that follow, whatever happens to the files."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import control_path, rotate
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs import tail as tail_module
from canvas_sync_exporter.logs.follow import _Reading
from canvas_sync_exporter.logs.reader import LINE_LIMIT
from canvas_sync_exporter.logs.retention import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.retention_settings import RetentionSettings
from canvas_sync_exporter.logs.search import LineFilter, LogSearch, Order
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.logs.tail import LogTail, Skipped
from support.log_folders import EPOCH, json_line, record, text_line

LOGS = (Log.ERRORS, Log.PROGRESS)


class Writing:
    """Lines numbered over all logs, and what else happens to their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0

    def lines(self, log: Log, count: int) -> None:
        with self.path(log).open("ab") as file:
            for _ in range(count):
                file.write(self.line(log))

    def line(self, log: Log) -> bytes:
        number, self.written = self.written, self.written + 1
        return json_line(record(log, number / 1000, task_id=str(number)))

    def path(self, log: Log) -> Path:
        return self.folder / f"{log.value}.log"

    def rotate(self, log: Log) -> None:
        page = ControlPage(control_path(self.folder / "control", self.path(log)))
        page.refresh()
        with page.locked(1):
            if self.path(log).exists():
                rotate(self.path(log), 50, page)

    def clean(self, keep_lines: int) -> None:
        report = cleanup_canvas_sync_logs(
            RetentionSettings(
                self.folder,
                self.folder / "archive",
                self.folder / "control",
                keep_lines=keep_lines,
                max_live_bytes=1,
            )
        )
        assert report.errors == []

    def tail(
        self,
        lines: int = 10,
        logs: tuple[Log, ...] = tuple(Log),
        *,
        after: str | None = None,
        most: int | None = None,
        text: str | None = None,
    ) -> LogTail:
        wanted = LineFilter(logs=logs, text=text)
        archive_dir = self.folder / "archive"
        return LogTail(self.folder, archive_dir, wanted, lines=lines, after=after, most=most)


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    return Writing(tmp_path)


def numbers(tail: LogTail) -> list[int]:
    """Take what there is, and go on until there is no more."""
    found = []
    while lines := tail.poll():
        found += [int(line.fields["task_id"]) for line in lines]
    return found


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
        got: list[int] = []
        cursors: list[str] = []
        with closing(writing.tail(shown)) as tail:
            begun = writing.written - min(shown, writing.written)
            cursors.append(tail.cursor if not tail.newest else "")
            lines = tail.newest
            for what, log, count in [*actions, ("look", Log.ERRORS, 0)]:
                for line in lines:
                    cursors.append(tail.advance(line))
                    got.append(int(line.fields["task_id"]))
                if what != "clean":  # what it archives between two looks is not shown
                    _do(writing, what, log, count)
                lines = tail.poll()
            for line in lines:
                cursors.append(tail.advance(line))
                got.append(int(line.fields["task_id"]))
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
        assert sorted(got[:last] + again) == list(range(begun, writing.written))


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


def test_a_client_whose_place_was_deleted_starts_with_the_newest_lines(writing: Writing) -> None:
    writing.lines(Log.ERRORS, 5)
    with closing(writing.tail(0)) as tail:
        cursor = tail.cursor
    writing.path(Log.ERRORS).unlink()
    writing.lines(Log.ERRORS, 5)
    with closing(writing.tail(2, after=cursor)) as tail:
        assert [line.fields["task_id"] for line in tail.newest] == ["8", "9"]
        assert tail.skipped == Skipped(0, False, None)


def test_lines_of_one_look_come_in_the_order_of_their_time(writing: Writing) -> None:
    with closing(writing.tail()) as tail:
        for log in (Log.PROGRESS, Log.ERRORS, Log.OPERATIONS, Log.PROGRESS):
            writing.lines(log, 2)
        assert [int(line.fields["task_id"]) for line in tail.poll()] == list(range(8))


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


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(LogFolderError, match="missing"):
        LogTail(tmp_path / "missing", tmp_path, LineFilter(), lines=1)


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
