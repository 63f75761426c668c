"""The figures of the report, against the same figures computed the plain way."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import events_of
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.log_report import Timing
from canvas_sync_exporter.logs.analysis.page import html_page
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.archive import Member, archive_name
from canvas_sync_exporter.logs.archive_writing import write_archive
from support.analysis import report_of
from support.sync_logs import START, generate, human_of, line_of_record, nearest_rank

Records = dict[Log, list[dict[str, Any]]]


def lay_out(folder: Path, records: Records, to_line: Callable[[dict[str, Any]], bytes]) -> None:
    """Spread each log over an archive with two files, a backup and the live file."""
    for log, all_of_log in records.items():
        size = len(all_of_log) // 4
        pieces = [
            b"".join(map(to_line, all_of_log[start : start + size]))
            for start in (0, size, 2 * size)
        ]
        pieces.append(b"".join(map(to_line, all_of_log[3 * size :])))
        members = []
        for number, content in ((2, pieces[0]), (1, pieces[1])):
            file = folder / f"{log.value}.{number}.old"
            file.write_bytes(content)
            members.append(Member(file, f"{log.value}.log.{number}", len(content)))
        write_archive(folder / "archive", f"{log.value}-20260101T020000Z", members)
        (folder / f"{log.value}.log.1").write_bytes(pieces[2])
        (folder / f"{log.value}.log").write_bytes(pieces[3])


@pytest.fixture(scope="module")
def records() -> Records:
    return generate(300)


@pytest.fixture(scope="module")
def folder(records: Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    lay_out(folder, records, line_of_record)
    return folder


def failed(call: dict[str, Any]) -> bool:
    return bool(call.get("status_code", 999) >= 400)


def outcome(call: dict[str, Any]) -> str:
    return str(call.get("status_code") or call["error_class"])


def assert_timing(row: Timing, durations: Sequence[float]) -> None:
    assert row.count == len(durations)
    assert row.average == pytest.approx(sum(durations) / len(durations))
    assert row.max == pytest.approx(max(durations))
    for share, value in ((0.50, row.p50), (0.95, row.p95), (0.99, row.p99)):
        assert value == pytest.approx(nearest_rank(list(durations), share), rel=0.01)


def grouped(
    records: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], Any]
) -> dict[Any, list[dict[str, Any]]]:
    groups = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return dict(groups)


def durations_of(records: Iterable[dict[str, Any]]) -> list[float]:
    return [record["duration_seconds"] for record in records]


def time_of(record: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(record["timestamp"])


def test_api_calls_are_summed_up_by_route_method_and_status(folder: Path, records: Records) -> None:
    calls = records[Log.API_CALLS]
    api = report_of(folder).api
    assert_timing(api.total, durations_of(calls))
    for rows, key in (
        (api.by_route, lambda call: call["route"]),
        (api.by_method, lambda call: call["method"]),
        (api.by_status, outcome),
    ):
        expected = grouped(calls, key)
        assert {row.name for row in rows} == set(expected)
        for row in rows:
            group = expected[row.name]
            assert_timing(row, durations_of(group))
            assert row.failed == sum(map(failed, group))
            assert row.error_rate == pytest.approx(row.failed / row.count)


def test_api_calls_are_counted_by_day_over_midnight(folder: Path, records: Records) -> None:
    days = grouped(records[Log.API_CALLS], lambda call: call["timestamp"][:10])
    rows = report_of(folder).api.by_day
    assert [row.day for row in rows] == sorted(days)
    assert len(days) > 3
    for row in rows:
        group = days[row.day]
        assert (row.calls, row.failed) == (len(group), sum(map(failed, group)))
        assert row.throttled == sum(call.get("throttled", False) for call in group)
        assert row.seconds == pytest.approx(sum(durations_of(group)))


def test_throttling_and_lost_time_are_reported_by_route(folder: Path, records: Records) -> None:
    api = report_of(folder).api
    by_route = grouped(records[Log.API_CALLS], lambda call: call["route"])
    for row in api.throttling:
        group = by_route[row.route]
        assert row.throttled == sum(call.get("throttled", False) for call in group)
        assert row.retries == sum(call.get("retries", 0) for call in group)
        lost = sum(call.get("backoff_seconds", 0) for call in group)
        assert row.backoff_seconds == pytest.approx(lost)
    assert api.throttled == sum(row.throttled for row in api.throttling) > 0


def test_runs_are_reported_by_type_and_status_and_by_what_went_wrong(
    folder: Path, records: Records
) -> None:
    runs = report_of(folder).runs
    ended = [each for each in records[Log.OPERATIONS] if each["event"] == "run_ended"]
    by_status = grouped(ended, lambda run: (run["sync_type"], run["status"]))
    assert {(row.sync_type, row.status) for row in runs.by_status} == set(by_status)
    for row in runs.by_status:
        assert_timing(row, durations_of(by_status[row.sync_type, row.status]))
    bad = [run["task_id"] for run in ended if run["status"] != "success"]
    assert [row.task_id for row in runs.troubled] == bad[::-1][:100]
    assert runs.open_count == 30
    assert [row.task_id for row in runs.open[:2]] == ["nightly-299", "nightly-289"]


def test_database_operations_are_summed_up_by_operation_and_table(
    folder: Path, records: Records
) -> None:
    groups = grouped(records[Log.DATABASE], lambda each: (each["operation"], each["table"]))
    rows = report_of(folder).database
    assert {(row.operation, row.table) for row in rows} == set(groups)
    for row in rows:
        group = groups[row.operation, row.table]
        assert_timing(row, durations_of(group))
        assert row.rows == sum(each["count"] for each in group)
        assert row.failed == sum(each["outcome"] == "failed" for each in group)


def test_errors_are_counted_and_the_newest_are_shown(folder: Path, records: Records) -> None:
    raw = records[Log.ERRORS]
    errors = report_of(folder).errors
    assert errors.count == len(raw)
    for rows, name in (
        (errors.by_type, "error_type"),
        (errors.by_operation, "operation"),
        (errors.by_user, "user_id"),
        (errors.by_course, "course_id"),
    ):
        assert {row.name: row.count for row in rows} == Counter(str(each[name]) for each in raw)
    by_day = Counter(each["timestamp"][:10] for each in raw)
    assert [(row.name, row.count) for row in errors.by_day] == sorted(by_day.items())
    assert [row.error for row in errors.newest] == [each["error"] for each in raw[::-1]][:100]


def test_the_longest_gaps_are_also_found_across_files(folder: Path, records: Records) -> None:
    gaps = []
    for task_id, lines in grouped(records[Log.PROGRESS], lambda each: each["task_id"]).items():
        times = [time_of(line) for line in lines]
        gaps += [((after - before).total_seconds(), task_id) for before, after in pairwise(times)]
    gaps.sort(key=lambda gap: -gap[0])
    found = report_of(folder).longest_gaps
    assert [row.seconds for row in found] == pytest.approx([seconds for seconds, _ in gaps[:100]])
    assert {(round(row.seconds, 3), row.task_id) for row in found[:20]} <= {
        (round(seconds, 3), task_id) for seconds, task_id in gaps
    }


def test_text_lines_give_the_figures_that_they_carry(records: Records, tmp_path: Path) -> None:
    def every_other(record: dict[str, Any]) -> bytes:
        return human_of(record) if record["timestamp"][18] in "02468" else line_of_record(record)

    for name, to_line in (("text", human_of), ("mixed", every_other)):
        folder = tmp_path / name
        folder.mkdir()
        lay_out(folder, records, to_line)
        report = report_of(folder)
        assert not report.unreadable
        calls = records[Log.API_CALLS]
        assert report.api.total.count == len(calls)
        assert report.api.total.failed == sum(map(failed, calls))
        routes = Counter(call["route"] for call in calls)
        assert {row.name: row.count for row in report.api.by_route} == routes
        assert {row.name: row.count for row in report.errors.by_user} == Counter(
            str(each["user_id"]) for each in records[Log.ERRORS]
        )
        assert report.runs.open_count == 30
        assert sum(row.count for row in report.runs.by_status) == 270
        assert all(row.p50 is not None for row in report.runs.by_status)
        assert len(report.longest_gaps) == 100


@pytest.mark.parametrize(
    "selection",
    [
        Selection(user_id=3),
        Selection(task_id="nightly-17"),
        Selection(since=START + dt.timedelta(days=1)),
        Selection(until=START + dt.timedelta(days=2, seconds=7)),
        Selection(START + dt.timedelta(hours=5), START + dt.timedelta(hours=6), 2),
        Selection(since=START + dt.timedelta(days=999)),
    ],
)
def test_filters_choose_the_same_lines_with_and_without_a_cache(
    folder: Path, records: Records, selection: Selection
) -> None:
    def wanted(record: dict[str, Any]) -> bool:
        time = time_of(record)
        return (
            (selection.since is None or time >= selection.since)
            and (selection.until is None or time < selection.until)
            and selection.user_id in {None, record["user_id"]}
            and selection.task_id in {None, record["task_id"]}
        )

    (folder / "state" / "analysis.cache").unlink(missing_ok=True)
    first = report_of(folder, selection)
    report_of(folder)
    again = report_of(folder, selection)
    assert again.api == first.api
    assert again.runs == first.runs
    assert again.errors == first.errors
    assert again.longest_gaps == first.longest_gaps
    assert again.logs == first.logs
    calls = [call for call in records[Log.API_CALLS] if wanted(call)]
    assert first.api.total.count == len(calls)
    assert first.errors.count == sum(map(wanted, records[Log.ERRORS]))
    assert sum(row.count for row in first.database) == sum(map(wanted, records[Log.DATABASE]))


def test_top_bounds_each_list_but_not_the_totals(folder: Path, records: Records) -> None:
    report = report_of(folder, top=1)
    assert len(report.api.by_route) == len(report.errors.newest) == len(report.longest_gaps) == 1
    assert report.api.total.count == len(records[Log.API_CALLS])


def test_a_route_that_got_slower_over_the_months_is_named(tmp_path: Path) -> None:
    def call(month: int, route: str, seconds: float) -> bytes:
        return line_of_record(
            {
                "timestamp": f"2025-{month:02d}-10T10:00:00.000000Z",
                "event": "api_call",
                "method": "GET",
                "route": route,
                "status_code": 200,
                "duration_seconds": seconds,
            }
        )

    lines = [call(month, "/slower", 0.1 * month) for month in (3, 4, 6) for _ in range(30)]
    lines += [call(month, "/same", 0.1) for month in (3, 4, 6) for _ in range(30)]
    lines += [call(7, "/slower", 99.0)]  # a single call is no trend
    (tmp_path / "api_calls.log").write_bytes(b"".join(lines))
    (trend,) = report_of(tmp_path).api.slower_routes
    assert trend.route == "/slower"
    assert trend.change == pytest.approx(2, rel=0.02)
    assert [row.month for row in trend.months] == ["2025-03", "2025-04", "2025-06"]


def test_a_damaged_archive_is_a_problem_and_the_rest_is_reported(
    records: Records, tmp_path: Path
) -> None:
    lay_out(tmp_path, records, line_of_record)
    archive = next((tmp_path / "archive").glob("errors-*"))
    archive.write_bytes(archive.read_bytes()[:50])
    for _ in range(2):
        report = report_of(tmp_path)
        (problem,) = report.problems
        assert problem.startswith(f"{archive.name} is damaged")
        assert problem.count(archive.name) == 1
        assert report.api.total.count == len(records[Log.API_CALLS])


def test_a_folder_without_logs_gives_an_empty_report(tmp_path: Path) -> None:
    report = report_of(tmp_path)
    assert (report.api.total.count, report.api.total.p95, report.runs.count) == (0, None, 0)
    assert report.problems == []


@pytest.mark.parametrize(
    "stamp",
    ["9999-12-31T23:59:59.999999-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"],
)
def test_a_clock_at_the_end_of_time_is_counted_like_another(tmp_path: Path, stamp: str) -> None:
    for log, event in (
        (Log.OPERATIONS, "run_ended"),
        (Log.API_CALLS, "api_call"),
        (Log.ERRORS, "error"),
        (Log.PROGRESS, "progress"),
    ):
        fields = {"timestamp": stamp, "event": event, "task_id": "t", "status": "failed"}
        (tmp_path / f"{log.value}.log").write_bytes(line_of_record(fields) * 2)
    report = report_of(tmp_path)
    assert (report.runs.count, report.api.total.count, report.errors.count) == (2, 2, 2)
    assert stamp[:4] in html_page(report)


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
def test_a_line_at_the_end_of_all_years_hides_no_other_from_a_selection(
    tmp_path: Path, year: str
) -> None:
    record = generate(1)[Log.ERRORS][0]
    odd = {**record, "timestamp": f"{year}T12:00:00.000000Z"}
    (tmp_path / "errors.log").write_bytes(line_of_record(record) + line_of_record(odd))
    since = START - dt.timedelta(days=1)
    analysis = analyze(
        tmp_path, tmp_path / "archive", Selection(since, since + dt.timedelta(days=9))
    )
    assert sum(analysis.summaries[Log.ERRORS].section.types.values()) == 1


def test_a_line_that_was_written_late_counts_by_its_time(tmp_path: Path) -> None:
    """As after a full disk: in the middle of a file whose other lines are all of another day."""
    record = generate(1)[Log.ERRORS][0]
    late = {**record, "timestamp": (START - dt.timedelta(days=2)).isoformat()}
    others = line_of_record(record) * 1_000
    (tmp_path / "errors.log").write_bytes(others + line_of_record(late) + others)
    before = Selection(until=START - dt.timedelta(days=1))
    after = Selection(since=START - dt.timedelta(days=1))
    counts = [report_of(tmp_path, selection).errors.count for selection in (before, after)]
    report_of(tmp_path)  # now its summary is known
    counts += [report_of(tmp_path, selection).errors.count for selection in (before, after)]
    assert counts == [1, 2_000, 1, 2_000]


def test_a_line_that_came_while_its_archive_was_begun_is_found_by_its_time(tmp_path: Path) -> None:
    record = generate(1)[Log.ERRORS][0]
    written = dt.datetime.fromisoformat(record["timestamp"])
    file = tmp_path / "errors.log.1"
    file.write_bytes(line_of_record(record))
    begun = written - dt.timedelta(seconds=1)
    member = Member(file, file.name, file.stat().st_size)
    write_archive(tmp_path / "archive", archive_name(Log.ERRORS, begun), [member])
    file.unlink()
    analysis = analyze(tmp_path, tmp_path / "archive", Selection(since=written))
    assert sum(analysis.summaries[Log.ERRORS].section.types.values()) == 1


@pytest.mark.parametrize("log", list(Log))
def test_every_event_of_a_log_is_known_to_its_section(tmp_path: Path, log: Log) -> None:
    stamp = "2025-12-22T10:15:30.000000Z"
    lines = [{"timestamp": stamp, "event": event, "task_id": "t"} for event in events_of(log)]
    (tmp_path / f"{log.value}.log").write_bytes(b"".join(map(line_of_record, lines)))
    report = report_of(tmp_path)
    assert (report.unknown_events, report.unreadable) == ([], [])


def test_api_calls_are_summed_up_by_month_in_order(tmp_path: Path) -> None:
    base = {"event": "api_call", "method": "GET", "route": "/r", "status_code": 200}
    lines = [
        {"timestamp": f"{month}-10T10:00:00Z", **base, "duration_seconds": seconds}
        for month, seconds in (("2025-11", 0.1), ("2026-01", 0.3), ("2026-01", 0.5))
    ]
    (tmp_path / "api_calls.log").write_bytes(b"".join(map(line_of_record, lines)))
    rows = report_of(tmp_path).api.by_month
    assert [(row.name, row.count, row.max) for row in rows] == [
        ("2025-11", 1, 0.1),
        ("2026-01", 2, 0.5),
    ]
