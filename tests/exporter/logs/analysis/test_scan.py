"""Unreadable lines, damaged archives, and archives that several processes read."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.archive import Member
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.pieces import packed_files
from support.analysis import report_of
from support.sync_logs import generate, line_of_record


def test_unreadable_lines_are_counted_by_file_with_their_numbers(tmp_path: Path) -> None:
    good = line_of_record(generate(1)[Log.API_CALLS][0])
    (tmp_path / "api_calls.log.1").write_bytes(good * 3 + b"garbage\n" + good + b"\0\0\n" * 7)
    (tmp_path / "api_calls.log").write_bytes(good + b'{"timestamp":"2025-' + good + b"half a li")
    report = report_of(tmp_path)
    rows = [(row.file, row.lines, row.unreadable, row.first_lines) for row in report.unreadable]
    assert rows == [
        ("api_calls.log.1", 12, 8, [4, 6, 7, 8, 9]),
        ("api_calls.log", 2, 1, [2]),
    ]
    assert report.api.total.count == 6


@pytest.mark.parametrize("before", [b"", line_of_record(generate(1)[Log.API_CALLS][0])])
def test_a_live_log_that_ends_with_too_long_a_line_has_one_more_unreadable_line(
    tmp_path: Path, before: bytes
) -> None:
    """As a power cut leaves it: NUL bytes as far as it had been made longer."""
    (tmp_path / "api_calls.log").write_bytes(before + b"\0" * 3_000_000)
    for _ in range(2):  # the second time with what is kept of the first
        (file,) = analyze(tmp_path, tmp_path / "archive", Selection()).files
        lines = 2 if before else 1
        assert (file.lines, file.unreadable, file.numbers) == (lines, 1, [lines])
        assert file.bytes == len(before) + 3_000_000


def test_the_beginning_of_a_line_at_the_end_of_a_live_log_is_not_counted(
    tmp_path: Path,
) -> None:
    (tmp_path / "api_calls.log").write_bytes(b"\0" * 1_000_000)
    assert all(not file.lines for file in analyze(tmp_path, tmp_path, Selection()).files)


def test_line_numbers_go_on_where_the_last_analysis_ended(tmp_path: Path) -> None:
    good = line_of_record(generate(1)[Log.API_CALLS][0])
    live = tmp_path / "api_calls.log"
    live.write_bytes(good * 10)
    report_of(tmp_path)
    with live.open("ab") as file:
        file.write(b"garbage\n" + good)
    (row,) = report_of(tmp_path).unreadable
    assert (row.lines, row.first_lines) == (12, [11])


def test_events_of_a_newer_version_are_named_and_not_counted_as_unreadable(tmp_path: Path) -> None:
    for log in Log:
        record = {"timestamp": "2025-12-22T10:15:30.000000Z", "event": "moon_phase", "new": [1]}
        (tmp_path / f"{log.value}.log").write_bytes(line_of_record(record))
    report = report_of(tmp_path)
    assert [(row.name, row.count) for row in report.unknown_events] == [("moon_phase", 5)]
    assert report.unreadable == []


def test_numbers_beyond_all_bounds_make_a_line_unreadable_and_nothing_else(tmp_path: Path) -> None:
    base = {"timestamp": "2025-12-22T10:15:30.000000Z", "event": "api_call", "method": "GET"}
    lines = [
        {**base, "duration_seconds": 1e300},
        {**base, "duration_seconds": -1},
        {**base, "retries": 10**30, "duration_seconds": 0.1},
        {**base, "status_code": 200, "duration_seconds": 0.1},
    ]
    (tmp_path / "api_calls.log").write_bytes(b"".join(map(line_of_record, lines)))
    report = report_of(tmp_path)
    assert (report.unreadable[0].unreadable, report.api.total.count) == (3, 1)


def test_a_user_number_beyond_all_bounds_matters_only_when_lines_are_chosen_by_user(
    tmp_path: Path,
) -> None:
    call = {"timestamp": "2025-12-22T10:15:30.000000Z", "event": "api_call", "status_code": 200}
    lines = [{**call, "user_id": user} for user in (41, 42, 10**30)]
    (tmp_path / "api_calls.log").write_bytes(b"".join(map(line_of_record, lines)))
    report = report_of(tmp_path)
    assert (report.unreadable, report.api.total.count) == ([], 3)
    report = report_of(tmp_path, Selection(user_id=42))
    assert (report.unreadable[0].unreadable, report.api.total.count) == (1, 1)


def test_what_was_read_of_a_damaged_archive_counts(tmp_path: Path) -> None:
    lines = [line_of_record(record) for record in generate(3000)[Log.API_CALLS]]
    file = tmp_path / "api_calls.old"
    file.write_bytes(b"".join(lines))
    member = Member(file, "api_calls.log.1", file.stat().st_size)
    archive = write_archive(tmp_path / "archive", "api_calls-20260101T020000Z", [member])
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size * 3 // 4])
    report = report_of(tmp_path)
    assert len(report.problems) == 1
    assert len(lines) / 4 < report.api.total.count < len(lines)


def test_all_lines_of_an_archive_with_junk_at_its_end_count(tmp_path: Path) -> None:
    lines = [line_of_record(record) for record in generate(3000)[Log.API_CALLS]]
    file = tmp_path / "api_calls.old"
    file.write_bytes(b"".join(lines))
    member = Member(file, "api_calls.log.1", file.stat().st_size)
    archive = write_archive(tmp_path / "archive", "api_calls-20260101T020000Z", [member])
    archive.write_bytes(archive.read_bytes() + b"junk")
    report = report_of(tmp_path)
    assert (report.api.total.count, len(report.problems)) == (len(lines), 1)


@pytest.fixture
def divided_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[bytes]]:
    """Archive two files of API calls in pieces of 10 kB, each for a process; return the lines."""
    for name in ("archive_writing.PIECE", "analysis.scan.PIECE", "analysis.scan._CHUNK"):
        monkeypatch.setattr(f"canvas_sync_exporter.logs.{name}_BYTES", 10_000)
    monkeypatch.setattr("canvas_sync_exporter.logs.analysis.analyze._BIG", 0)
    lines = [line_of_record(record) for record in generate(300)[Log.API_CALLS]]
    lines[200] = b"unreadable\n"
    members = []
    for number, some in ((2, lines[:300]), (1, lines[300:])):
        file = tmp_path / f"file.{number}"
        file.write_bytes(b"".join(some))
        members.append(Member(file, f"api_calls.log.{number}", file.stat().st_size))
    return write_archive(tmp_path / "archive", "api_calls-20260101T020000Z", members), lines


def test_the_pieces_of_an_archive_are_read_by_two_processes(
    tmp_path: Path, divided_archive: tuple[Path, list[bytes]]
) -> None:
    archive, lines = divided_archive
    report = report_of(tmp_path)
    assert (report.api.total.count, report.problems) == (len(lines) - 1, [])
    (file,) = report.unreadable
    assert (file.file, file.first_lines) == (f"{archive.name}/api_calls.log.2", [201])
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "api_calls.log").write_bytes(b"".join(lines))
    plain = report_of(tmp_path / "plain")
    assert report.api.total.p99 == plain.api.total.p99
    assert (report.api.by_day[0].calls, report.api.throttled) == (
        plain.api.by_day[0].calls,
        plain.api.throttled,
    )
    assert report_of(tmp_path) == report, "the second time from the cache"


def test_all_lines_around_a_damaged_piece_of_an_archive_count(
    tmp_path: Path, divided_archive: tuple[Path, list[bytes]]
) -> None:
    archive, lines = divided_archive
    files = packed_files(archive)
    assert files is not None
    content = bytearray(archive.read_bytes())
    content[files[0].pieces[3].at + 100] ^= 0xFF
    archive.write_bytes(content)
    for _ in range(2):
        report = report_of(tmp_path)
        (problem,) = report.problems
        assert problem.startswith(f"{archive.name} is damaged")
        assert len(lines) - 60 < report.api.total.count < len(lines) - 1
