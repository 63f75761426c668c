"""The reader: every line once, in both formats, and garbage counted."""

from __future__ import annotations

import datetime as dt
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.human_lines import text_fields
from canvas_sync_exporter.logs.lines import LineReader, Moment
from canvas_sync_exporter.logs.reader import LINE_LIMIT, blocks, skip


class _Api(msgspec.Struct):
    timestamp: Moment
    event: str = ""
    method: str = ""
    route: str = ""
    status_code: int | None = None
    duration_seconds: float | None = None


def json_line(number: int) -> bytes:
    moment = f"2025-12-22T10:15:{number % 60:02d}.000000Z"
    return b'{"timestamp":"%s","event":"api_call","status_code":%d}\n' % (moment.encode(), number)


def read(content: bytes) -> tuple[list[_Api], list[int]]:
    reader = LineReader(Log.API_CALLS, _Api)
    records: list[_Api] = []
    unreadable: list[int] = []
    for block in blocks(io.BytesIO(content), len(content)):
        found, bad = reader.read(block)
        records += found
        unreadable += bad
    return records, unreadable


def statuses(content: bytes) -> list[int | None]:
    return [record.status_code for record in read(content)[0]]


class _Dribble(io.RawIOBase):
    """A stream that gives as many bytes at a time as it is told to."""

    def __init__(self, content: bytes, sizes: Iterator[int]) -> None:
        self._content = io.BytesIO(content)
        self._sizes = sizes

    def readinto(self, buffer: Any, /) -> int:
        return self._content.readinto(memoryview(buffer)[: next(self._sizes)])


@given(
    lines=st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=30),
    sizes=st.lists(st.integers(1, 7), min_size=1),
    is_whole=st.booleans(),
)
def test_blocks_give_each_byte_once_with_its_line_number(
    lines: list[bytes], sizes: list[int], is_whole: bool
) -> None:
    content = b"\n".join(lines) + (b"\n" if is_whole else b"")
    forever = (size for _ in iter(int, 1) for size in sizes)
    line, end, joined = 1, 0, b""
    for block in blocks(_Dribble(content, forever), len(content)):
        data = bytes(block.data)
        assert block.first_line == line
        assert block.lines == len(data.split(b"\n")) - block.is_whole
        assert block.is_whole == data.endswith(b"\n")
        joined += data
        line, end = line + block.lines, block.end
        assert end == len(joined)
    assert joined == content


def test_reading_ends_at_the_given_size_though_the_file_goes_on() -> None:
    content = json_line(1) + json_line(2)
    (block,) = blocks(io.BytesIO(content), len(json_line(1)))
    assert bytes(block.data) == json_line(1)


def test_a_line_over_the_limit_is_told_of_once_and_its_neighbours_are_read() -> None:
    longest = b"x" * (LINE_LIMIT - 1) + b"\n"
    for too_long in (b"x" * LINE_LIMIT + b"\n", b"x" * 3_000_000 + b"\n"):
        content = json_line(1) + too_long + json_line(2)
        records, unreadable = read(content)
        assert [record.status_code for record in records] == [1, 2]
        assert unreadable == [2]
        found = [block.first_line for block in blocks(io.BytesIO(content), 9_999_999)]
        assert found == sorted(found)
    assert [block.is_too_long for block in blocks(io.BytesIO(longest), 9_999_999)] == [False]


def test_a_hundred_megabytes_without_a_newline_take_bounded_memory() -> None:
    class Endless(io.RawIOBase):
        left = 100 * 1024 * 1024

        def readinto(self, buffer: Any, /) -> int:
            length = min(len(buffer), self.left)
            buffer[:length] = b"\0" * length
            self.left -= length
            return length

    tracemalloc.start()
    (block,) = blocks(Endless(), 10**9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (block.is_too_long, block.is_whole) == (True, False)
    assert peak < 4 * LINE_LIMIT


def test_skip_reads_over_the_start_and_keeps_the_end_of_it() -> None:
    stream = io.BytesIO(b"a" * 1_500_000 + b"rest")
    assert skip(stream, 1_500_000)[-3:] == b"aaa"
    assert stream.read() == b"rest"


@given(
    st.lists(
        st.sampled_from(["json", "text", "blank", "torn", "garbage", "nul", "not utf-8", "array"]),
        max_size=60,
    )
)
def test_good_lines_are_read_whatever_stands_between_them(kinds: list[str]) -> None:
    made = {
        "json": json_line(200),
        "text": b"[2025-12-22 10:15:32] GET /api/v1/courses - Status: 200 - 145.2ms\n",
        "blank": b"\n",
        "torn": b'{"timestamp":"2025-12-22T10:15:30.000000Z","ev' + json_line(200),
        "garbage": b'{"timestamp":"2025-12-22T10:15:30.000000Z","event":\n',
        "nul": b"\0\0\0\n",
        "not utf-8": b"[2025-12-22 10:15:32] GET /\xff - Status: 200 - 145.2ms\n",
        "array": b"[" * 5_000 + b"\n",
    }
    records, unreadable = read(b"".join(made[kind] for kind in kinds))
    assert len(records) == sum(kind in {"json", "text", "torn"} for kind in kinds)
    assert {record.status_code for record in records} <= {200}
    bad = {"torn", "garbage", "nul", "not utf-8", "array"}
    assert unreadable == [number for number, kind in enumerate(kinds, 1) if kind in bad]


@pytest.mark.parametrize("prefix", [b'{"timestamp":"2025', b"\0" * 99, b"[2025-12-22 10:15:32] GE"])
def test_a_torn_prefix_does_not_hide_the_next_record(prefix: bytes) -> None:
    assert statuses(prefix + json_line(404)) == [404]
    text = b"[2025-12-22 10:15:32] GET /api/v1/courses - Status: 404 - 145.2ms\n"
    if not prefix.startswith(b"{"):
        assert statuses(prefix + text) == [404]


@pytest.mark.parametrize(
    "line",
    [json_line(404), b"[2025-12-22 10:15:32] GET /api/v1/courses - Status: 404 - 145.2ms\n"],
    ids=["json", "text"],
)
def test_a_byte_order_mark_before_the_first_line_is_passed_over(line: bytes) -> None:
    records, unreadable = read(b"\xef\xbb\xbf" + line + json_line(200))
    assert [record.status_code for record in records] == [404, 200]
    assert unreadable == []


def test_a_last_line_without_newline_is_read() -> None:
    assert statuses(json_line(1) + json_line(2).rstrip()) == [1, 2]


def test_fields_of_a_newer_version_are_passed_over() -> None:
    newer = b'{"timestamp":"2025-12-22T10:15:30.5Z","event":"batch","answer":{"to":[1]}}\n'
    (record,) = read(newer)[0]
    assert record.event == "batch"
    assert record.timestamp.microsecond == 500_000


@pytest.mark.parametrize(
    "line",
    [
        b'{"timestamp":"yesterday","event":"api_call"}',
        b'{"timestamp":"2025-12-22T10:15:30","event":"api_call"}',
        b'{"event":"api_call"}',
        b'{"timestamp":"2025-12-22T10:15:30Z","status_code":"many"}',
        b"[2025-12-99 10:15:32] GET /api/v1/courses - Status: 200 - 145.2ms",
        b"[2025-12-22 10:15:32] Something else",
        b"null",
        b"{" * 100_000,
    ],
)
def test_a_line_that_says_nothing_sensible_is_unreadable(line: bytes) -> None:
    assert read(json_line(1) + line + b"\n" + json_line(2))[1] == [2]


@pytest.mark.parametrize(
    ("log", "line", "told"),
    [
        (
            Log.OPERATIONS,
            "Sync Task: nightly, 7-a, 42, started, running",
            {"event": "run_started", "task_id": "nightly, 7-a", "user_id": 42, "status": "running"},
        ),
        (
            Log.OPERATIONS,
            "Sync Task: t, -, ended, failed",
            {"event": "run_ended", "user_id": None, "status": "failed", "level": "ERROR"},
        ),
        (
            Log.OPERATIONS,
            "Sync Step: a, b, ended, success - Duration: 1500.0ms",
            {"event": "step_ended", "step": "a, b", "duration_seconds": 1.5},
        ),
        (
            Log.OPERATIONS,
            "OUTPUT: Task: my sync-7 - stderr - a - b",
            {"event": "output", "task_id": "my sync-7", "stream": "stderr", "text": "a - b"},
        ),
        (
            Log.OPERATIONS,
            "Courses: 5, 2, 3",
            {"event": "items", "item": "course", "processed": 5, "created": 2, "updated": 3},
        ),
        (
            Log.API_CALLS,
            "GET /api/v1/courses/7/assignments - Status: 429 - 145.2ms",
            {
                "method": "GET",
                "route": "/api/v1/courses/:course_id/assignments",
                "status_code": 429,
                "throttled": True,
                "duration_seconds": 0.1452,
                "level": "WARNING",
            },
        ),
        (
            Log.API_CALLS,
            "GET /api/v1/courses - Status: timeout - 30000.0ms",
            {"status_code": None, "error_class": "timeout", "level": "ERROR"},
        ),
        (
            Log.API_CALLS,
            "TRUNCATED /api/v1/courses - Count: 2",
            {"event": "list_truncated", "route": "/api/v1/courses", "count": 2},
        ),
        (
            Log.DATABASE,
            "CREATE Course - Count: 2 - Duration: 15.3ms",
            {"operation": "CREATE", "table": "Course", "count": 2, "batch": False},
        ),
        (
            Log.DATABASE,
            "UPDATE Assignment - Count: 340 - Batch: true",
            {"count": 340, "batch": True, "duration_seconds": None},
        ),
        (
            Log.ERRORS,
            "ERROR: Connection timeout - user_id: 42 - course_id: 123",
            {"error": "Connection timeout", "user_id": 42, "course_id": 123},
        ),
        (Log.ERRORS, "ERROR: a - b", {"error": "a - b", "user_id": None, "course_id": None}),
        (
            Log.ERRORS,
            "CRITICAL: a - b - operation: fetch_courses - user_id: 7 - task_id: nightly-42",
            {
                "level": "ERROR",
                "error": "a - b",
                "operation": "fetch_courses",
                "user_id": 7,
                "course_id": None,
                "task_id": "nightly-42",
            },
        ),
        (Log.ERRORS, "WARNING: slow - user_id: None", {"level": "WARNING", "error": "slow"}),
        (Log.OPERATIONS, "Users: 12", {"item": "user", "processed": 12}),
        (
            Log.OPERATIONS,
            "Sync Task: a, b, None, completed, success",
            {"event": "run_ended", "task_id": "a, b", "user_id": None, "status": "success"},
        ),
        (
            Log.OPERATIONS,
            "Sync Task: t, 4, ended, partial",
            {"event": "run_ended", "status": "partial", "level": "WARNING"},
        ),
        (
            Log.OPERATIONS,
            "Completion: 9s, 1 course, 2 quizzes",
            {
                "duration_seconds": 9.0,
                "items": {"course": {"processed": 1}, "quizzes": {"processed": 2}},
            },
        ),
        (
            Log.API_CALLS,
            "GET https://canvas.example.edu/api/v1/courses?page=2 - Status: timeout",
            {
                "canvas_host": "canvas.example.edu",
                "path": "/api/v1/courses",
                "status_code": None,
                "error_class": "timeout",
                "duration_seconds": None,
            },
        ),
        (
            Log.DATABASE,
            "INSERT Grade - Count: 3 - Duration: 2ms - Batch: True",
            {"count": 3, "batch": True, "duration_seconds": 0.002},
        ),
        (Log.PROGRESS, "PROGRESS: Task: t - 100%", {"percent": 100.0, "progress_message": ""}),
        (
            Log.PROGRESS,
            "PROGRESS: Task: a - b - 10% - Processing 5% of - courses",
            {"task_id": "a - b", "percent": 10.0, "progress_message": "Processing 5% of - courses"},
        ),
    ],
)
def test_each_human_line_of_the_contract_is_read_back(
    log: Log, line: str, told: dict[str, Any]
) -> None:
    whole = f"[2025-12-22 10:15:30] {line}"
    fields = text_fields(log, whole)
    assert fields is not None
    assert fields["timestamp"] == dt.datetime(2025, 12, 22, 10, 15, 30, tzinfo=dt.UTC)
    assert fields["message"] == whole
    assert told.items() <= fields.items()


@given(st.sampled_from(Log), st.text())
def test_no_human_line_breaks_the_reader(log: Log, rest: str) -> None:
    with suppress(ValueError):
        text_fields(log, f"[2025-12-22 10:15:30] {rest}")


@pytest.mark.parametrize(
    ("log", "part"),
    [(Log.ERRORS, " - user_id: 1"), (Log.DATABASE, " - Count: 1"), (Log.OPERATIONS, ", 1 course")],
)
def test_a_long_human_line_is_read_in_time_that_grows_with_its_length(log: Log, part: str) -> None:
    start = {Log.ERRORS: "ERROR: a", Log.DATABASE: "CREATE a", Log.OPERATIONS: "Completion: 1s"}
    line = f"[2025-12-22 10:15:30] {start[log]}{part * 40_000} "
    text_fields(log, line + "-")  # took minutes if each part were tried from each place
