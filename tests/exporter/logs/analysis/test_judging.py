"""The logs are judged by the conditions of the exporter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.names import IncidentKind, RunStatus
from canvas_sync_exporter.formatting import format_code
from canvas_sync_exporter.judge.expectations import expectations
from canvas_sync_exporter.judge.facts import EndedRun
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.judging import judge_analysis
from canvas_sync_exporter.logs.analysis.log_report import Finding, Verdict
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.settings import full_configuration
from support.judge_facts import facts_of, sync_of
from support.run_lines import Record, nightly_lines, run_lines, write_operations

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
LAST = NOW - timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
TOKEN = {"error_type": "Unauthorized", "error": "401 Expired access token.", "api_failed": 100}


def judged(
    folder: Path, records: Iterable[Record], settings: str = "", now: datetime = NOW
) -> Verdict:
    write_operations(folder, records)
    file = folder / "config.toml"
    file.write_text(settings)
    config = full_configuration(
        {"CANVAS_SYNC_LOG_DIR": str(folder), "CANVAS_SYNC_CONFIG": str(file)}
    )
    return judge_analysis(analyze(folder, folder / "archive", Selection()), config, now)


def only(folder: Path, records: Iterable[Record], settings: str = "") -> Finding:
    (finding,) = judged(folder, records, settings).findings
    return finding


def with_last(**changes: Any) -> list[Record]:
    """Forty nights, the last of them with changes, beside a sync that is well."""
    last = run_lines("full", LAST, **changes)
    beside = nightly_lines("grades", LAST + 10 * MINUTE, 40)
    return [*nightly_lines("full", LAST - DAY, 39), *last, *beside]


def test_logs_of_syncs_that_are_well_have_no_finding(tmp_path: Path) -> None:
    verdict = judged(tmp_path, with_last())

    assert verdict.findings == []
    assert verdict.has_expectations


@pytest.mark.parametrize(
    ("changes", "kind", "level", "words"),
    [
        ({"status": "failed", "error": "'term'"}, "failing", "critical", "run of full failed"),
        ({"status": "partial", "error": "3 left"}, "partial", "warning", "only partially"),
        ({"status": "interrupted"}, "interrupted", "critical", "ended before finishing"),
        ({"status": "failed", **TOKEN}, "token_refused", "critical", "The token is expired"),
        ({"api_truncated": 2}, "list_truncated", "warning", "all pages of 2 lists"),
        ({"duration_seconds": 1200.0}, "slow", "warning", "far longer than usual"),
        ({"items": {}, "api_calls": 2, "api_items": 0}, "suspect", "warning", "0 items where"),
        ({"api_throttled": 60}, "throttled", "warning", "throttled 60 of 100"),
        ({"api_failed": 60}, "api_failing", "critical", "60 of 100 Canvas API calls failed"),
        ({"api_seconds": 90.0}, "api_slow", "warning", "0.9 s on average"),
        ({"db_failed": 30}, "db_failing", "critical", "30 of 50 database operations"),
        ({"db_seconds": 20.0}, "db_slow", "warning", "400 ms on average"),
    ],
)
def test_the_newest_run_is_judged_as_by_the_exporter(
    tmp_path: Path, changes: dict[str, Any], kind: str, level: str, words: str
) -> None:
    finding = only(tmp_path, with_last(**changes))

    assert (finding.kind, finding.level) == (kind, level)
    assert words in finding.text
    assert finding.runs[:1] == [f"full-{LAST:%m%d-%H%M}"]


def test_a_sync_that_died_three_weeks_ago_is_noticed_although_another_one_lives(
    tmp_path: Path,
) -> None:
    died = [*nightly_lines("full", LAST - 21 * DAY, 40), *nightly_lines("grades", LAST, 60)]

    finding = only(tmp_path, died)
    assert (finding.kind, finding.subject, finding.level) == ("missed", "full", "critical")
    assert finding.since == LAST - 20 * DAY


def test_all_syncs_are_missed_if_the_logs_end_weeks_ago(tmp_path: Path) -> None:
    failed = run_lines("full", LAST - 21 * DAY, status="failed", error="'term'")
    verdict = judged(tmp_path, [*nightly_lines("full", LAST - 22 * DAY, 40), *failed])

    # The failed run was the last that is known, so it is still a finding.
    assert {each.kind for each in verdict.findings} == {"missed", "failing"}


def test_schedules_and_pauses_of_the_file_count(tmp_path: Path) -> None:
    few = list(nightly_lines("full", LAST - 3 * DAY, 2))
    schedule = '[syncs.full]\nschedule = "0 2 * * *"\n'
    pause = '[[pauses]]\nfrom = 2026-11-22\nuntil = 2026-11-26\nreason = "move"\n'

    assert judged(tmp_path, few).findings == []
    assert only(tmp_path, few, schedule).kind == "missed"
    assert judged(tmp_path, few, schedule + pause).findings == []


def test_a_sync_that_is_configured_and_never_ran_is_missed(tmp_path: Path) -> None:
    never = '[syncs.never]\nschedule = "0 2 * * *"\n'
    assert only(tmp_path, nightly_lines("full", LAST, 40), never).subject == "never"


def test_a_run_without_an_end_is_stuck_until_a_later_one_has_ended(tmp_path: Path) -> None:
    before = list(nightly_lines("full", LAST - 2 * DAY, 30))
    begun, _ = run_lines("full", LAST - DAY)

    assert only(tmp_path, [*before, begun]).kind == "stuck"
    assert judged(tmp_path, [*before, begun, *run_lines("full", LAST)]).findings == []


def test_a_run_that_waits_for_its_next_attempt_is_not_stuck(tmp_path: Path) -> None:
    begun, ended = run_lines("full", LAST - DAY / 2)
    waiting = {**ended, "event": "run_waiting", "status": "running"}
    assert judged(tmp_path, [begun, waiting]).findings == []


def test_the_report_says_what_cannot_be_judged(tmp_path: Path) -> None:
    once = run_lines("by hand", LAST - DAY)
    write_operations(tmp_path, once)
    with (tmp_path / "operations.log").open("a") as file:
        file.write("[2026-11-25 02:00:00] Sync Task: old-1, 42, ended, failed\n")
    config = full_configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path)})
    analysis = analyze(tmp_path, tmp_path / "archive", Selection())

    not_judged = judge_analysis(analysis, config, NOW).not_judged
    assert [each.partition(":")[0] for each in not_judged] == [
        "Whether runs of by hand are missing",
        "1 run whose lines do not name the sync type, as in the text format.",
        "What only the exporter sees (canvas-sync-monitor status)",
    ]
    unjudged = set(not_judged[-1].rstrip(".").partition(": ")[2].split(", "))
    assert unjudged < {format_code(kind) for kind in IncidentKind}
    assert "disk filling" in unjudged


def test_logs_without_runs_are_not_reported_as_well(tmp_path: Path) -> None:
    verdict = judged(tmp_path, [])
    (not_judged,) = verdict.not_judged
    assert (
        not_judged
        == f"Any sync, because operations.log has no lines before {NOW:%Y-%m-%d %H:%M} UTC."
    )
    assert not verdict.is_judged


def test_the_words_are_those_of_the_exporter(tmp_path: Path) -> None:
    finding = only(tmp_path, with_last(status="failed", error_type="KeyError", error="'term'"))

    runs = [
        EndedRun(
            id=f"full-{night}",
            sync_type="full",
            status=RunStatus.SUCCESS if night else RunStatus.FAILED,
            start=LAST - night * DAY,
            end=LAST - night * DAY + 5 * MINUTE,
            duration=300.0,
            error_type=None if night else "KeyError",
            error_message=None if night else "'term'",
        )
        for night in range(40)
    ]
    config = full_configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path)})
    starts = {"full": [run.start for run in reversed(runs)]}
    (expected,) = expectations(config, starts, NOW, UTC)
    (found,) = judge(facts_of(sync_of(*runs, now=NOW, expectation=expected), now=NOW)).findings
    assert finding.text == f"{found.summary} {found.cause}"


def test_a_suspicion_that_the_exporter_logged_is_not_judged_again(tmp_path: Path) -> None:
    suspect = {
        "timestamp": "2026-11-25T02:06:00.000000Z",
        "event": "run_suspect",
        "task_id": f"full-{LAST:%m%d-%H%M}",
        "suspect_reasons": ["few_items"],
        "suspect_reason": "few_items: 200 items where 900 are usual",
    }
    finding = only(tmp_path, [*with_last(), suspect])
    assert finding.text.endswith("few_items: 200 items where 900 are usual")


def test_the_runs_of_a_night_are_counted_by_user(tmp_path: Path) -> None:
    records = [
        record
        for night in range(5)
        for user in range(50)
        for record in run_lines(
            "full",
            LAST - night * DAY + user * timedelta(seconds=10),
            user_id=user,
            status="failed" if night == 0 and user % 2 else "success",
        )
    ]
    assert only(tmp_path, records).text.startswith("25 of 50 runs of full failed.")


def test_the_verdict_is_the_same_from_the_cache_and_from_several_files(tmp_path: Path) -> None:
    records = with_last(status="failed", error="'term'")
    at_once = judged(tmp_path, records)
    again = judged(tmp_path, records)
    split = sorted(records, key=lambda each: str(each["timestamp"]))
    write_operations(tmp_path, split[:51])
    (tmp_path / "operations.log").rename(tmp_path / "operations.log.1")
    in_two = judged(tmp_path, split[51:])

    assert at_once.findings == again.findings == in_two.findings != []
