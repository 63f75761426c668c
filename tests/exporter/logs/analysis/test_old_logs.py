"""Logs that the system before this one wrote, alone and mixed with our own."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.log_report import LogReport
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.search import LineFilter, LogSearch
from canvas_sync_exporter.logs.tail import LogTail
from support.old_logs import OLD_LINES, write_old_logs
from support.sync_logs import line_of_record

ASSIGNMENTS = "/api/v1/courses/:course_id/assignments"


def report_of(
    folder: Path, zone: dt.tzinfo = dt.UTC, *, selection: Selection | None = None
) -> LogReport:
    selection = selection or Selection()
    analysis = analyze(folder, folder / "archive", selection, zone=zone)
    return make_log_report(analysis, folder, selection, 10)


def operations(folder: Path, *lines: str, name: str = "operations.log") -> None:
    (folder / name).write_text("".join(f"[2025-12-22 {line}\n" for line in lines))


def test_every_line_is_read_with_its_figures(tmp_path: Path) -> None:
    write_old_logs(tmp_path)
    report = report_of(tmp_path)
    assert not report.unreadable
    assert not report.unknown_events
    (run,) = report.runs.by_status
    assert (run.status, run.count, run.average) == ("success", 1, 180.0)
    assert report.runs.open_count == 0
    assert (report.api.total.count, report.api.total.failed) == (2, 0)
    assert {row.name: row.count for row in report.api.by_route} == {
        "/api/v1/courses": 1,
        ASSIGNMENTS: 1,
    }
    assert {row.table: row.rows for row in report.database} == {"Course": 2, "Assignment": 340}
    assert report.errors.count == 2
    assert {row.name for row in report.errors.by_operation} == {"unknown", "fetch_courses"}
    limit, timeout = report.errors.newest
    assert (timeout.error, timeout.user_id, timeout.course_id) == ("Connection timeout", 42, 123)
    assert (limit.error, limit.operation) == ("Rate limit exceeded", "fetch_courses")


def test_a_call_without_a_duration_counts_in_no_latency(tmp_path: Path) -> None:
    write_old_logs(tmp_path)
    api = report_of(tmp_path).api
    assert api.total.average == pytest.approx(0.1452)
    assert api.total.p50 == pytest.approx(0.1452, rel=0.01)
    (day,) = api.by_day
    assert (day.calls, day.timed) == (2, 1)
    assert day.average == pytest.approx(0.1452)
    (assignments,) = (row for row in api.by_route if row.name == ASSIGNMENTS)
    assert assignments.average is None


def test_old_lines_are_read_among_json_lines(tmp_path: Path) -> None:
    write_old_logs(tmp_path)
    with (tmp_path / "operations.log").open("ab") as log:
        for event, second in (("run_started", 0), ("run_ended", 9)):
            record = {
                "timestamp": f"2025-12-22T11:00:0{second}.000000Z",
                "event": event,
                "task_id": "new-1",
                "sync_type": "full",
                "status": "success",
            }
            log.write(line_of_record(record))
    runs = report_of(tmp_path).runs
    assert {(row.sync_type, row.status): row.count for row in runs.by_status} == {
        ("unknown", "success"): 1,
        ("full", "success"): 1,
    }
    assert runs.open_count == 0


def test_search_and_tail_give_every_old_line(tmp_path: Path) -> None:
    write_old_logs(tmp_path)
    lines = {line for of_log in OLD_LINES.values() for line in of_log}
    with closing(LogSearch(tmp_path, tmp_path, LineFilter(), limit=99)) as search:
        assert {line.fields["message"] for line in search} == lines
        assert search.notes.unreadable_lines == 0
    with closing(LogTail(tmp_path, tmp_path, LineFilter(), lines=99)) as tail:
        assert {line.fields["message"] for line in tail.newest} == lines


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (LineFilter(user_id=42, logs=(Log.ERRORS,)), "Connection timeout"),
        (LineFilter(course_id=123), "Connection timeout"),
        (LineFilter(route=ASSIGNMENTS), "courses/123/assignments"),
        (LineFilter(task_id="7f3a-nightly", logs=(Log.OPERATIONS,)), "started"),
        (LineFilter(status="success"), "Completion"),
    ],
)
def test_search_finds_old_lines_by_their_fields(
    tmp_path: Path, wanted: LineFilter, message: str
) -> None:
    write_old_logs(tmp_path)
    with closing(LogSearch(tmp_path, tmp_path, wanted, limit=99)) as search:
        (line,) = search
    assert message in line.fields["message"]


def test_a_completion_ends_the_run_that_began_when_it_says(tmp_path: Path) -> None:
    operations(
        tmp_path,
        "10:00:00] Sync Task: a, 1, started, running",
        "10:01:00] Sync Task: b, 2, started, running",
        "10:02:00] Sync Task: c, 3, started, running",
        "10:03:00] Completion: 120.0s, 1 courses",
    )
    runs = report_of(tmp_path).runs
    assert {row.task_id for row in runs.open} == {"a", "c"}
    assert runs.count == 1


def test_a_run_that_began_in_an_older_file_is_not_open(tmp_path: Path) -> None:
    operations(tmp_path, "10:00:00] Sync Task: a, 1, started, running", name="operations.log.1")
    operations(tmp_path, "10:02:01] Completion: 120.5s, 3 courses")
    runs = report_of(tmp_path).runs
    assert (runs.count, runs.open_count) == (1, 0)


@pytest.mark.parametrize("is_in_one_file", [True, False])
@pytest.mark.parametrize("selection", [Selection(user_id=2), Selection(task_id="b")])
def test_a_run_that_is_asked_for_is_ended_by_a_line_without_its_name(
    tmp_path: Path, selection: Selection, is_in_one_file: bool
) -> None:
    starts = (
        "10:00:00] Sync Task: a, 1, started, running",
        "10:01:00] Sync Task: b, 2, started, running",
    )
    ends = ("10:03:00] Completion: 120.0s, 1 courses", "10:03:30] Completion: 210.0s, 1 courses")
    if is_in_one_file:
        operations(tmp_path, *starts, *ends)
    else:
        operations(tmp_path, *starts, name="operations.log.1")
        operations(tmp_path, *ends)
    runs = report_of(tmp_path, selection=selection).runs
    assert [(row.status, row.count, row.average) for row in runs.by_status] == [
        ("success", 1, 120.0)
    ]
    assert runs.open_count == 0


@pytest.mark.parametrize(
    "parts",
    [
        "operation: fetch courses",
        "operation: fetch courses - user_id: 42",
        "user_id: None - operation: fetch courses - task_id: nightly 7",
    ],
)
def test_an_operation_of_several_words_is_not_part_of_the_error(tmp_path: Path, parts: str) -> None:
    line = f"[2025-12-22 10:21:00] ERROR: Rate limit - exceeded - {parts}"
    (tmp_path / "errors.log").write_text(f"{line}\r\n")
    (error,) = report_of(tmp_path).errors.newest
    assert error.operation == "fetch courses"
    assert error.error == "Rate limit - exceeded"
    with closing(LogSearch(tmp_path, tmp_path, LineFilter(), limit=9)) as search:
        assert [found.fields["message"] for found in search] == [line]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_end_that_two_lines_report_counts_once(tmp_path: Path, order: tuple[int, int]) -> None:
    ends = (
        "10:02:00] Sync Task: a, 1, completed, success",
        "10:02:00] Completion: 120.0s, 3 courses",
    )
    operations(
        tmp_path,
        "10:00:00] Sync Task: a, 1, started, running",
        *(ends[index] for index in order),
    )
    (row,) = report_of(tmp_path).runs.by_status
    assert (row.status, row.count, row.average) == ("success", 1, 120.0)


def test_runs_that_end_by_other_words_are_counted(tmp_path: Path) -> None:
    lines = []
    for number, end in enumerate(("completed, success", "failed, failed", "finished, partial")):
        lines += [
            f"10:0{number}:00] Sync Task: t{number}, {number}, started, running",
            f"10:0{number}:30] Sync Task: t{number}, {number}, {end}",
        ]
    operations(tmp_path, *lines)
    report = report_of(tmp_path)
    assert {row.status for row in report.runs.by_status} == {"success", "failed", "partial"}
    assert not report.unknown_events


def test_clocks_are_read_in_the_zone_of_the_installation(tmp_path: Path) -> None:
    write_old_logs(tmp_path)
    berlin = ZoneInfo("Europe/Berlin")
    started = dt.datetime(2025, 12, 22, 9, 15, 30, tzinfo=dt.UTC)
    (row,) = (row for row in report_of(tmp_path, berlin).logs if row.log == "operations")
    assert row.first == started
    # The summaries that are kept belong to a zone.
    (row,) = (row for row in report_of(tmp_path).logs if row.log == "operations")
    assert row.first == started + dt.timedelta(hours=1)
    wanted = LineFilter(until=started + dt.timedelta(seconds=1), logs=(Log.OPERATIONS,))
    with closing(LogSearch(tmp_path, tmp_path, wanted, limit=9, zone=berlin)) as search:
        assert len(list(search)) == 1


def test_a_search_misses_no_line_of_the_hour_that_comes_twice(tmp_path: Path) -> None:
    clocks = ("02:10:00", "02:50:00", "02:10:01", "02:50:01", "03:10:00")
    (tmp_path / "errors.log").write_text(
        "".join(f"[2026-10-25 {clock}] ERROR: x - user_id: 1\n" for clock in clocks)
    )
    berlin = ZoneInfo("Europe/Berlin")
    wanted = LineFilter(since=dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC))
    with closing(LogSearch(tmp_path, tmp_path, wanted, limit=9, zone=berlin)) as search:
        assert len(list(search)) == len(clocks)


CALL = {"route": "/api/v1/courses", "status_code": 200}
OTHER_SPELLINGS: dict[Log, list[tuple[str, dict[str, object]]]] = {
    Log.OPERATIONS: [
        ("Courses: 12,340, 12,000, 340", {"processed": 12340, "created": 12000, "updated": 340}),
        ("Course: 5, 2, 3", {"item": "course", "processed": 5, "created": 2, "updated": 3}),
        ("Courses:  5 processed,  3 updated", {"processed": 5, "updated": 3}),
        ("Completion: 1m 5s, 12,340 records", {"duration_seconds": 65.0, "status": "success"}),
        ("Completion: 350 ms | 5 courses", {"duration_seconds": 0.35}),
        ("Sync Task: a | 42 | completed | success", {"task_id": "a", "user_id": 42}),
        ("Sync Step: fetch, ended, success - Duration: 2s", {"duration_seconds": 2.0}),
    ],
    Log.API_CALLS: [
        ("GET /api/v1/courses - Status: 200 - 2s", {**CALL, "duration_seconds": 2.0}),
        ("GET /api/v1/courses - Status: 200 OK - 1,145.2 ms", {**CALL, "duration_seconds": 1.1452}),
        ("GET  /api/v1/courses | status=200 | 1m 5s", {**CALL, "duration_seconds": 65.0}),
        ("GET /api/v1/courses - 350ms - Status: 200", {**CALL, "duration_seconds": 0.35}),
        ("GET /api/v1/courses\tStatus: 200\t350ms", {**CALL, "duration_seconds": 0.35}),
    ],
    Log.DATABASE: [
        ("CREATE Course - Duration: 350ms", {"table": "Course", "duration_seconds": 0.35}),
        ("CREATE Course - Duration: 2s - Count: 12,340", {"table": "Course", "count": 12340}),
        ("UPDATE Course; Count: 2 records; Batch: true", {"table": "Course", "count": 2}),
    ],
    Log.ERRORS: [
        ("ERROR: Time, out | course_id=7 | user_id=42", {"user_id": 42, "course_id": 7}),
        ("Error - Time, out; operation: fetch", {"operation": "fetch", "error": "Time, out"}),
    ],
    Log.PROGRESS: [
        ("PROGRESS:  Task: a | 10 % | Half", {"task_id": "a", "percent": 10.0}),
    ],
}


@pytest.mark.parametrize(
    ("log", "line", "fields"),
    [(log, *case) for log, cases in OTHER_SPELLINGS.items() for case in cases],
)
@pytest.mark.parametrize("clock", ["2025-12-22 10:15:30", "2025-12-22T10:15:30,250"])
def test_other_spellings_are_read_with_each_figure_in_the_right_field(
    tmp_path: Path, log: Log, line: str, fields: dict[str, object], clock: str
) -> None:
    whole = f"[{clock}] {line}"
    json_line = line_of_record({"timestamp": "2025-12-22T11:00:00Z", "event": "other"})
    (tmp_path / f"{log}.log").write_bytes(whole.encode() + b"\r\n" + json_line)
    with closing(LogTail(tmp_path, tmp_path, LineFilter(), lines=9)) as tail:
        assert len(list(tail.newest)) == 2
    since = dt.datetime(2025, 12, 22, 10, 15, 30, tzinfo=dt.UTC)
    wanted = LineFilter(since=since, until=since + dt.timedelta(seconds=1))
    with closing(LogSearch(tmp_path, tmp_path, wanted, limit=9)) as search:
        (found,) = search
        assert search.notes.unreadable_lines == 0
    assert found.fields["message"] == whole
    assert {name: found.fields.get(name) for name in fields} == fields
    assert not report_of(tmp_path).unreadable


@pytest.mark.parametrize(
    "line", ["CREATE Course", "Courses: many", "Completion: soon", "GET /api/v1/courses - Stat"]
)
def test_figures_that_are_torn_off_or_missing_are_not_guessed(tmp_path: Path, line: str) -> None:
    for log in OLD_LINES:
        (tmp_path / f"{log}.log").write_text(f"[2025-12-22 10:15:30] {line}\n")
    assert len(report_of(tmp_path).unreadable) == len(OLD_LINES)
