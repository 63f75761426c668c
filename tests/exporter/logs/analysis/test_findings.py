"""What of a report needs attention."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.log_report import Finding, Verdict
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.tables import tables
from support.sync_logs import generate, line_of_record

STAMP = "2025-12-22T10:15:30.000000Z"


def findings(folder: Path, **records: list[dict[str, Any]]) -> list[Finding]:
    """What is found in a folder with these records, by log, and what happened there."""
    for log, of_log in records.items():
        lines = (line_of_record({"timestamp": STAMP, **record}) for record in of_log)
        (folder / f"{log}.log").write_bytes(b"".join(lines))
    analysis = analyze(folder, folder / "archive", Selection())
    report = make_log_report(analysis, folder, Selection(), 10)
    return [*report.attention, *report.notes]


def run(number: int, status: str) -> list[dict[str, Any]]:
    whose = {"task_id": f"nightly-{number}", "user_id": 42, "sync_type": "full"}
    ends = {"event": "run_ended", "status": status, "duration_seconds": 1.0}
    return [{"event": "run_started", "status": "running", **whose}, {**ends, **whose}]


def call(**fields: Any) -> dict[str, Any]:
    base = {"event": "api_call", "method": "GET", "route": "/r", "duration_seconds": 0.1}
    return {**base, "status_code": 200, **fields}


def test_nothing_is_found_where_all_is_well(tmp_path: Path) -> None:
    calls = [call() for _ in range(200)] + [call(status_code=404)]
    assert findings(tmp_path, operations=run(1, "success"), api_calls=calls) == []


@pytest.mark.parametrize(("days", "is_told"), [(2, False), (21, True)])
def test_syncs_that_have_stopped_are_a_problem_though_the_cleanup_goes_on(
    tmp_path: Path, days: int, is_told: bool
) -> None:
    last = dt.datetime.fromisoformat(STAMP)
    now = last + dt.timedelta(days=days)
    cleaned = {"event": "logs_cleaned", "timestamp": now.isoformat()}
    findings(tmp_path, operations=[*run(1, "success"), cleaned], api_calls=[call()])

    def findings_with(**filters: Any) -> list[Finding]:
        selection = Selection(**filters)
        analysis = analyze(tmp_path, tmp_path / "archive", selection)
        return make_log_report(analysis, tmp_path, selection, 10, now=now).attention

    text = "Syncs logged nothing since 2025-12-22 10:15:30 (21 days). Do they still run?"
    assert findings_with() == ([Finding("critical", text, "Runs")] if is_told else [])
    assert findings_with(until=last + dt.timedelta(days=1)) == []
    assert findings_with(user_id=42) == []


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        ("failed", Finding("note", "1 of 2 runs failed.", "Runs")),
        (
            "interrupted",
            Finding("note", "1 of 2 runs was interrupted: the process died.", "Runs"),
        ),
        (
            "partial",
            Finding("note", "1 of 2 runs was partial: some items could not be synced.", "Runs"),
        ),
        ("cancelled", Finding("note", "1 of 2 runs was cancelled.", "Runs")),
    ],
)
def test_runs_that_did_not_succeed_are_reported_by_outcome(
    tmp_path: Path, status: str, finding: Finding
) -> None:
    assert findings(tmp_path, operations=run(1, "success") + run(2, status)) == [finding]


def test_runs_that_never_ended_or_are_suspect_are_reported(tmp_path: Path) -> None:
    suspect = {"event": "run_suspect", "task_id": "nightly-1", "suspect_reasons": ["few_items"]}
    found = findings(tmp_path, operations=[*run(1, "success"), run(2, "")[0], suspect])
    assert [finding.text for finding in found] == [
        "1 run never ended: still running, or the process died.",
        "1 run is suspect: few_items (1).",
    ]


def test_an_error_rate_above_the_goal_is_reported_with_its_outcomes(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, api_calls=[call() for _ in range(60)] + [call(status_code=404)])
    assert finding == Finding("note", "1.6 % of 61 API calls failed: 404 (1).", "API calls")


def test_throttling_lists_cut_short_and_failures_of_the_database_are_reported(
    tmp_path: Path,
) -> None:
    throttled = call(throttled=True, retries=1, backoff_seconds=2.5)
    cut = {"event": "list_truncated", "route": "/api/v1/courses", "count": 2}
    once = {"event": "list_truncated", "route": "/api/v1/courses"}
    insert = {"event": "db_operation", "operation": "INSERT", "table": "grades"}
    found = findings(
        tmp_path, api_calls=[throttled, cut, once], database=[{**insert, "outcome": "failed"}]
    )
    assert [finding.text for finding in found] == [
        "Canvas throttled 1 call; 2.5 s lost in back-off.",
        "3 lists not read to the end: /api/v1/courses (3).",
        "1 of 1 database operation failed: INSERT grades (1).",
    ]


def test_a_graphql_answer_with_errors_is_a_failed_call(tmp_path: Path) -> None:
    calls = [call(route="/api/graphql", graphql_errors=number) for number in (0, 2, 2)]
    found = findings(tmp_path, api_calls=calls)
    assert found[0].text == "66.7 % of 3 API calls failed: graphql (2)."


def test_a_finding_counts_what_a_short_list_leaves_out(tmp_path: Path) -> None:
    insert = {"event": "db_operation", "operation": "INSERT", "table": "grades"}
    failed = {**insert, "table": "courses", "outcome": "failed"}
    lines = [{"timestamp": STAMP, **each} for each in (insert, insert, failed)]
    (tmp_path / "database.log").write_bytes(b"".join(map(line_of_record, lines)))
    analysis = analyze(tmp_path, tmp_path / "archive", Selection())
    (finding,) = make_log_report(analysis, tmp_path, Selection(), 1).notes
    assert finding.text == "1 of 3 database operations failed."


def test_a_route_that_takes_much_longer_than_at_first_is_reported(tmp_path: Path) -> None:
    calls = [
        call(timestamp=f"2025-{month}-10T10:00:00Z", duration_seconds=seconds)
        for month, seconds in (("03", 0.1), ("04", 0.2))
        for _ in range(20)
    ]
    (finding,) = findings(tmp_path, api_calls=calls)
    assert finding.text == "/r takes 2.0 times as long as in its first month (p95)."


def test_lines_and_files_that_could_not_be_read_are_reported(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "errors-20260101T020000Z.tar.gz").write_bytes(b"\x1f\x8b garbage")
    (tmp_path / "progress.log").write_bytes(b"garbage\n")
    found = findings(tmp_path, database=[{"event": "moon_phase"}])
    assert found[0].level == "critical"
    assert found[0].text.startswith("1 problem with the files of the logs: errors-2026")
    assert [finding.text for finding in found[1:]] == [
        "1 of 2 lines could not be read.",
        "Lines of a newer version were ignored: moon_phase (1).",
    ]


def test_a_folder_without_a_line_is_reported(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path)
    assert finding.text == "There are no lines. Are the folder and the period right?"


def test_names_from_a_log_are_short_and_cannot_act_on_a_terminal(tmp_path: Path) -> None:
    error = {"event": "error", "error_type": "\x1b[31m" + "x" * 500, "error": "e"}
    (finding,) = findings(tmp_path, errors=[error])
    assert "\x1b" not in finding.text
    assert len(finding.text) < 150


def test_findings_come_before_notes_and_each_leads_to_a_section(tmp_path: Path) -> None:
    records = {log.value: of_log for log, of_log in generate(60).items()}
    found = findings(tmp_path, **records)
    analysis = analyze(tmp_path, tmp_path / "archive", Selection())
    verdict = Verdict(
        findings=[
            Finding("warning", "full is slow.", "Runs"),
            Finding("critical", "full did not start.", "Runs"),
        ]
    )
    report = make_log_report(analysis, tmp_path, Selection(), 10, verdict=verdict)
    assert [each.level for each in report.attention] == ["critical", "warning"]
    assert {each.level for each in report.notes} == {"note"}
    assert {each.section for each in found} <= {table.section for table in tables(report)}
    assert set(records) == {log.value for log in Log}


def test_silence_is_left_to_the_judge_where_it_knows_when_runs_are_due(tmp_path: Path) -> None:
    findings(tmp_path, operations=run(1, "success"), api_calls=[call()])
    analysis = analyze(tmp_path, tmp_path / "archive", Selection())
    now = dt.datetime.fromisoformat(STAMP) + dt.timedelta(days=21)
    knowing = Verdict(has_expectations=True)
    report = make_log_report(analysis, tmp_path, Selection(), 10, verdict=knowing, now=now)
    assert report.attention == []


def test_runs_that_cannot_be_judged_keep_their_severity(tmp_path: Path) -> None:
    (tmp_path / "operations.log").write_text(
        "[2025-12-22 02:00:00] Sync Task: old-1, 42, ended, failed\n"
    )
    analysis = analyze(tmp_path, tmp_path / "archive", Selection())
    report = make_log_report(analysis, tmp_path, Selection(), 10)
    assert report.attention == [Finding("critical", "1 of 1 run failed.", "Runs")]
