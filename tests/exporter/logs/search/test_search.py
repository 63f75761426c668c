"""What a search finds, against a naive one; paged, and while files move."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
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
from canvas_sync_exporter.logs.human_lines import text_fields
from canvas_sync_exporter.logs.search import (
    Exclusions,
    FoundLine,
    LineFilter,
    LogSearch,
    Order,
    archive_scan,
    backwards,
    compile_pattern,
    forwards,
    time_range,
)
from canvas_sync_exporter.logs.sources import LogFolderError
from support.log_folders import EPOCH, counted_reads, json_line, lay_out, record, text_line
from support.log_moves import retention, rotate_log, write
from support.log_search import found_in, search

CAFE = "caf\N{LATIN SMALL LETTER E WITH ACUTE}"


LOGS = st.sampled_from(list(Log))


LEVELS = st.sampled_from(["INFO", "WARNING", "ERROR"])


NUMBERS = st.sampled_from([1, 4, 42, 421])


TASKS = st.sampled_from(["nightly", "nightly-42", 'quo"ted\\', "Grüße"])


ERRORS = st.sampled_from(["Connection timeout", 'He said "no"', CAFE, ""])


RECORDS = st.fixed_dictionaries(
    {
        "level": LEVELS,
        "task_id": TASKS,
        "user_id": NUMBERS,
        "course_id": NUMBERS,
        "status_code": st.sampled_from([200, 404, 429]),
        "status": st.sampled_from(["success", "failed"]),
        "error": ERRORS,
    }
)


STEPS = st.sampled_from([0.0, 0.000001, 0.5, 1.0, 30.0])


KINDS = st.sampled_from(["json", "json", "text", "torn", "garbage", "blank"])


EXCLUSIONS = st.builds(
    Exclusions,
    texts=st.sampled_from([(), ("timeout",), ('"no"', CAFE)]),
    patterns=st.sampled_from([(), (compile_pattern("Status: 4.4"),)]),
    levels=st.lists(LEVELS, max_size=2).map(tuple),
    user_ids=st.lists(NUMBERS, max_size=2).map(tuple),
    task_ids=st.lists(TASKS, max_size=2).map(tuple),
    statuses=st.lists(st.sampled_from(["404", "failed"]), max_size=2).map(tuple),
)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(["timeout", '"no"', CAFE, "42", "nowhere"]),
        "pattern": st.sampled_from(["Status: 4..", "^\\[", "time(out)?", "(a+)+$"]).map(
            compile_pattern
        ),
        "logs": st.lists(LOGS, min_size=1, unique=True).map(tuple),
        "levels": st.lists(LEVELS, min_size=1, unique=True).map(tuple),
        "user_id": NUMBERS,
        "course_id": NUMBERS,
        "task_id": TASKS,
        "status": st.sampled_from(["404", "failed", "success", "timeout"]),
        "exclusions": EXCLUSIONS,
        "route": st.just("/api/v1/courses/:id"),
        "since": st.integers(-10, 900).map(lambda s: EPOCH + dt.timedelta(seconds=s)),
        "until": st.integers(-10, 900).map(lambda s: EPOCH + dt.timedelta(seconds=s)),
    },
)


@st.composite
def written_logs(draw: st.DrawFn) -> dict[Log, list[bytes]]:
    """The lines of all logs, in the order in which they were written."""
    lines: dict[Log, list[bytes]] = {log: [] for log in Log}
    now = 0.0
    for _ in range(draw(st.integers(0, 25))):
        now += draw(STEPS)
        log = draw(LOGS)
        fields = record(log, now, **draw(RECORDS))
        kind = draw(KINDS)
        lines[log].append(
            {
                "json": json_line(fields),
                "text": text_line(fields),
                "torn": json_line(fields)[:30] + json_line(fields),
                "garbage": b"\xff\x00 garbage\n",
                "blank": b"\n",
            }[kind]
        )
    return lines


def naive(lines: dict[Log, list[bytes]], wanted: LineFilter) -> dict[Log, list[dict[str, Any]]]:
    """Find the lines one by one, in the order of each log."""
    return {
        log: [
            fields
            for line in lines[log]
            if (fields := _fields(log, line)) is not None and _is_wanted(fields, line, wanted)
        ]
        for log in wanted.logs
    }


def _fields(log: Log, line: bytes) -> dict[str, Any] | None:
    start = max(line.rfind(b'{"timestamp":"'), 0)
    try:
        text = line[start:].decode().rstrip("\n")
        return text_fields(log, text) if text.startswith("[") else json.loads(text)
    except ValueError:
        return None


def _is_wanted(fields: dict[str, Any], raw: bytes, wanted: LineFilter) -> bool:
    line = raw.decode()
    moment = fields["timestamp"]
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    if wanted.text is not None and not (
        wanted.text in line or json.dumps(wanted.text, ensure_ascii=False)[1:-1] in line
    ):
        return False
    if wanted.pattern is not None and not wanted.pattern.search(line.rstrip("\n")):
        return False
    if not (wanted.since or moment) <= moment < (wanted.until or dt.datetime.max.astimezone()):
        return False
    names = ("status_code", "error_class", "status", "outcome")
    statuses = {str(fields[name]) for name in names if fields.get(name) is not None}
    if wanted.status is not None and wanted.status not in statuses:
        return False
    equal = ("user_id", "course_id", "task_id", "route")
    return (
        all(getattr(wanted, name) in (None, fields.get(name)) for name in equal)
        and (not wanted.levels or fields.get("level") in wanted.levels)
        and not _is_excluded(fields, line, statuses, wanted.exclusions)
    )


def _is_excluded(
    fields: dict[str, Any], line: str, statuses: set[str], exclusions: Exclusions
) -> bool:
    texts = exclusions.texts
    return (
        any(text in line or json.dumps(text, ensure_ascii=False)[1:-1] in line for text in texts)
        or any(pattern.search(line.rstrip("\n")) for pattern in exclusions.patterns)
        or fields.get("level") in exclusions.levels
        or fields.get("user_id") in exclusions.user_ids
        or fields.get("task_id") in exclusions.task_ids
        or bool(statuses & {*exclusions.statuses})
    )


def fields_of(lines: list[FoundLine], log: Log) -> list[dict[str, Any]]:
    return [line.fields for line in lines if line.log is log]


def split(data: st.DataObject, lines: list[bytes], files: int) -> list[list[bytes]]:
    positions = st.lists(st.integers(0, len(lines)), min_size=files - 1, max_size=files - 1)
    cuts = sorted(data.draw(positions))
    return [lines[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), lines=written_logs(), filters=FILTERS, limit=st.integers(1, 7))
def test_it_finds_what_a_naive_search_finds_in_one_go_and_in_pages(
    data: st.DataObject, lines: dict[Log, list[bytes]], filters: dict[str, Any], limit: int
) -> None:
    wanted = LineFilter(**filters)
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backwards, "_BLOCK", data.draw(st.sampled_from([50, 1000, 262144])))
        patch.setattr(forwards, "_BLOCK", data.draw(st.sampled_from([50, 1000, 262144])))
        patch.setattr(archive_scan, "_KEPT_BYTES", data.draw(st.sampled_from([1, 1000, 2**20])))
        folder = Path(name)
        for log, written in lines.items():
            archived = data.draw(st.integers(0, 2))
            lay_out(folder, log, split(data, written, archived + 3), archived)
        found = found_in(folder, wanted)
        expected = naive(lines, wanted)
        for log in Log:
            assert fields_of(found, log)[::-1] == expected.get(log, [])
        assert _pages(folder, wanted, limit) == found
        oldest_first = found_in(folder, wanted, Order.OLDEST)
        for log in Log:
            assert fields_of(oldest_first, log) == expected.get(log, [])
        assert _pages(folder, wanted, limit, Order.OLDEST) == oldest_first


def test_graphql_answers_with_errors_are_found_though_their_status_is_200(tmp_path: Path) -> None:
    fields = {"timestamp": "2026-01-31T10:15:30.000000Z", "event": "api_call", "status_code": 200}
    lines = [json.dumps({**fields, "graphql_errors": count}) for count in (2, 0)]
    (tmp_path / "api_calls.log").write_text("\n".join([*lines, json.dumps(fields), ""]))
    (found,) = found_in(tmp_path, LineFilter(status="graphql"))
    assert found.fields["graphql_errors"] == 2


def _pages(
    folder: Path, wanted: LineFilter, limit: int, order: Order = Order.NEWEST
) -> list[FoundLine]:
    found: list[FoundLine] = []
    cursor: str | None = None
    while True:
        with search(folder, wanted, limit=limit, cursor=cursor, order=order) as page:
            lines = list(page)
            cursor = page.cursor
        found += lines
        assert len(lines) == limit or cursor is None
        if cursor is None:
            return found


@settings(max_examples=50, deadline=None)
@given(lines=written_logs())
def test_lines_of_all_logs_come_in_the_order_of_time(lines: dict[Log, list[bytes]]) -> None:
    """To the second: the human lines tell no more."""
    with TemporaryDirectory() as name:
        for log, written in lines.items():
            lay_out(Path(name), log, [written], 0)
        times = [line.time for line in found_in(Path(name), LineFilter())]
        oldest_first = [line.time for line in found_in(Path(name), LineFilter(), Order.OLDEST)]
    assert all(b <= a + dt.timedelta(seconds=1) for a, b in itertools.pairwise(times))
    assert all(a <= b + dt.timedelta(seconds=1) for a, b in itertools.pairwise(oldest_first))


def test_a_search_that_has_begun_is_not_disturbed_by_a_cleanup(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(10))
    rotate_log(tmp_path, Log.ERRORS)
    write(tmp_path, Log.ERRORS, range(10, 20))
    with search(tmp_path, LineFilter()) as begun:
        lines = iter(begun)
        first = next(lines)
        cleanup_canvas_sync_logs(retention(tmp_path, 2))
        rest = list(lines)
    assert [line.fields["task_id"] for line in (first, *rest)] == [
        f"run {number}" for number in reversed(range(20))
    ]


def test_it_stops_at_the_limit_and_reads_no_archive_for_it(tmp_path: Path) -> None:
    """The archives are no archives: whoever opened one would tell."""
    write(tmp_path, Log.ERRORS, range(10))
    (tmp_path / "archive").mkdir()
    for log in Log:
        (tmp_path / "archive" / f"{log.value}-20251201T000000Z.tar.gz").write_bytes(b"no archive")
    for log in Log:
        write(tmp_path, log, range(10, 13))
    with search(tmp_path, LineFilter(), limit=10) as found:
        assert len(list(found)) == 10
    assert found.notes.problems == []


def test_files_out_of_the_time_range_are_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each file a few places are read; of an archive that is too old, not even that."""
    monkeypatch.setattr(time_range, "_PLACES", 20)
    hours = [
        [json_line(record(Log.ERRORS, hour * 3600 + n, error="x" * 900)) for n in range(1000)]
        for hour in range(5)
    ]
    lay_out(tmp_path, Log.ERRORS, hours, 0)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "errors-20251221T030000Z.tar.gz").write_bytes(b"no archive")
    read = counted_reads(monkeypatch)
    wanted = LineFilter(
        since=EPOCH + dt.timedelta(hours=2), until=EPOCH + dt.timedelta(hours=2, minutes=20)
    )
    with search(tmp_path, wanted) as found:
        assert len(list(found)) == 1000
    assert found.notes.problems == []
    size = sum(map(len, hours[2]))
    assert size <= sum(read) < size * 1.4


@pytest.mark.parametrize("place", [0, 1, 200, 398, 399])
@pytest.mark.parametrize("wrong", [-900_000_000, 900_000_000])
def test_a_clock_that_was_wrong_for_one_line_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, wrong: int
) -> None:
    monkeypatch.setattr(backwards, "_BLOCK", 1000)
    for log in (Log.ERRORS, Log.PROGRESS):
        lines = [json_line(record(log, second)) for second in range(400)]
        if log is Log.ERRORS:
            lines[place] = json_line(record(log, wrong))
        lay_out(tmp_path, log, [lines[:100], lines[100:250], lines[250:]], 0)
    wanted = LineFilter(since=EPOCH - dt.timedelta(hours=1), until=EPOCH + dt.timedelta(hours=1))
    found = found_in(tmp_path, wanted)
    assert len(found) == 799
    times = [line.time for line in found]
    late = [b - a for a, b in itertools.pairwise(times) if b > a]
    assert all(each < dt.timedelta(seconds=60) for each in late)


def test_a_line_that_came_late_is_found_in_its_time(tmp_path: Path) -> None:
    lines = [json_line(record(Log.ERRORS, second)) for second in (400, 500, 100)]
    lay_out(tmp_path, Log.ERRORS, [lines], 0)
    wanted = LineFilter(
        since=EPOCH + dt.timedelta(seconds=50), until=EPOCH + dt.timedelta(seconds=150)
    )
    assert [line.time for line in found_in(tmp_path, wanted)] == [EPOCH + dt.timedelta(seconds=100)]


def test_a_damaged_archive_is_reported_and_the_rest_is_searched(tmp_path: Path) -> None:
    write(tmp_path, Log.ERRORS, range(5))
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "errors-20301201T000000Z.tar.gz").write_bytes(b"no archive")
    with search(tmp_path, LineFilter()) as found:
        assert len(list(found)) == 5
    (problem,) = found.notes.problems
    assert "errors-20301201T000000Z.tar.gz" in problem


def test_unreadable_lines_are_counted(tmp_path: Path) -> None:
    good = json_line(record(Log.ERRORS, 1))
    torn = good[:20] + good
    lay_out(tmp_path, Log.ERRORS, [[b"\xff\xfe\n", good, torn, b"\x00" * 9 + b"\n", b"\n"]], 0)
    with search(tmp_path, LineFilter()) as found:
        assert len(list(found)) == 2
    assert found.notes.unreadable_lines == 3


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LogFolderError, match="missing"):
        LogSearch(tmp_path / "missing", tmp_path, LineFilter(), limit=1)


def test_an_archive_deleted_while_it_is_searched_is_reported(tmp_path: Path) -> None:
    lines = [json_line(record(Log.ERRORS, second)) for second in range(6)]
    lay_out(tmp_path, Log.ERRORS, [lines[:3], lines[3:]], 1)
    (archive,) = (tmp_path / "archive").glob("*.tar.gz")
    with search(tmp_path, LineFilter()) as found:
        archive.unlink()
        assert len(list(found)) == 3
    assert found.notes.problems == [f"{archive.name} was deleted before it was searched"]


@pytest.mark.parametrize(("order", "seconds"), [(Order.NEWEST, 4), (Order.OLDEST, 5)])
def test_a_page_says_how_far_all_logs_have_been_searched(
    tmp_path: Path, order: Order, seconds: int
) -> None:
    for log in Log:
        write(tmp_path, log, range(10))
    with search(tmp_path, LineFilter(), limit=25, order=order) as page:
        assert page.searched_to is None
        total = page.bytes_left
        assert total == sum(path.stat().st_size for path in tmp_path.glob("*.log"))
        assert len(list(page)) == 25
        assert page.searched_to == EPOCH + dt.timedelta(seconds=seconds)
        assert page.bytes_left == 0  # each file is one block, and its lines wait


def test_a_search_without_time_gets_further_with_each_page(tmp_path: Path) -> None:
    """A busy machine may use up the time of every page before its first block is read."""
    write(tmp_path, Log.ERRORS, range(3))
    rotate_log(tmp_path, Log.ERRORS)
    write(tmp_path, Log.ERRORS, range(3, 6))
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        options = {"limit": 9, "seconds": 0, "cursor": cursor}
        with closing(LogSearch(tmp_path, tmp_path, LineFilter(), **options)) as page:  # type: ignore[arg-type]
            found += [line.time for line in page]
            cursor = page.cursor
        pages += 1
    assert found == [EPOCH + dt.timedelta(seconds=second) for second in (5, 4, 3, 2, 1, 0)]
    assert pages > 1


def test_a_file_that_may_not_be_read_is_reported_and_the_rest_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if by another user: the tests may run as root, who may read everything."""
    lines = [json_line(record(Log.ERRORS, second)) for second in range(3)]
    lay_out(tmp_path, Log.ERRORS, [[line] for line in lines], 1)
    secret = {"errors.log.1@" + str(len(lines[1])), "errors-20251222T030000Z.tar.gz"}

    def guard(open_it: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(path: Any, *args: Any, **options: Any) -> Any:
            if isinstance(path, Path) and path.name in secret:
                raise PermissionError(13, "Permission denied", str(path))
            return open_it(path, *args, **options)

        return guarded

    monkeypatch.setattr(io, "FileIO", guard(io.FileIO))
    monkeypatch.setattr(Path, "open", guard(Path.open))
    with search(tmp_path, LineFilter()) as found:
        assert [line.time for line in found] == [EPOCH + dt.timedelta(seconds=2)]
    assert found.notes.problems == [
        f"errors.log.1@{len(lines[1])}: Permission denied",
        "errors-20251222T030000Z.tar.gz: Permission denied",
    ]


def test_a_search_reports_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("canvas_sync_exporter.logs.search.search._PROGRESS_SECONDS", 0.0)
    lines = [json_line(record(Log.ERRORS, second)) for second in range(3)]
    lay_out(tmp_path, Log.ERRORS, [[line] for line in lines], 1)
    calls: list[tuple[int, int]] = []
    made = LogSearch(
        tmp_path,
        tmp_path / "archive",
        LineFilter(),
        limit=9,
        on_progress=lambda done, total: calls.append((done, total)),
    )
    with closing(made):
        assert len(list(made)) == 3
    progress = [done for done, _ in calls]
    assert progress == sorted(progress), "it never falls back"
    assert len({*progress}) >= len(lines), "each file is progress"
    assert calls[-1][0] == calls[-1][1]
    assert len({total for _, total in calls}) == 1
