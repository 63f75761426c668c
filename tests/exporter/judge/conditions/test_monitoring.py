"""Conditions of the monitoring itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.messages.failing_channel import FailingChannel
from canvas_sync_exporter.judge.facts import (
    ClockFacts,
    DatabaseFacts,
    LogFolderFacts,
    OtherExporter,
)
from canvas_sync_exporter.judge.verdict import judge
from support.judge_facts import NOW, ended, facts_of, failed, nights, sync_of
from support.verdicts import MINUTE, kinds, only, well


def test_a_database_that_is_away_is_reported_within_two_minutes_and_runs_are_not_judged() -> None:
    syncs = [sync_of(failed(0), *nights(20))]
    away = DatabaseFacts(is_reachable=False, since=NOW - 2 * MINUTE, reason="connection refused")
    verdict = judge(facts_of(*syncs, database=away))

    (found,) = verdict.findings
    assert found.kind is IncidentKind.DATABASE_AWAY
    assert found.severity is Severity.CRITICAL
    assert found.cause == "connection refused"
    assert IncidentKind.FAILING not in verdict.judged
    restart = DatabaseFacts(is_reachable=False, since=NOW - timedelta(seconds=45))
    assert judge(facts_of(*syncs, database=restart)).findings == ()


@pytest.mark.parametrize("hours", [26, -26])
def test_a_wrong_clock_is_reported_at_the_first_answer_and_times_are_not_judged(hours: int) -> None:
    verdict = judge(facts_of(sync_of(*nights(20, 3)), clock=ClockFacts(hours * 3600.0, NOW)))

    (found,) = verdict.findings
    assert (found.kind, found.severity) == (IncidentKind.CLOCK_WRONG, Severity.CRITICAL)
    assert IncidentKind.MISSED not in verdict.judged


def test_an_unwritable_log_folder_is_reported_by_the_run_or_is_the_cause_of_missed_ones() -> None:
    problem = "/logs is not writable for user 1001."
    run = ended(0, telemetry_fault=problem)

    found = only(facts_of(sync_of(run, *nights(20))))
    assert (found.kind, found.cause) == (IncidentKind.LOG_FOLDER_UNWRITABLE, problem)
    folder = LogFolderFacts("/logs", problem, NOW - 5 * MINUTE)
    found = judge(facts_of(sync_of(*nights(20)), log_folder=folder)).findings[0]
    assert found.kind is IncidentKind.MISSED
    assert problem in found.cause


def test_a_recipient_that_is_refused_is_reported_at_once_though_others_get_the_messages() -> None:
    refused = "refused 1 of 2 recipients (in `to`: number 2): 550 unknown"
    email = FailingChannel("email", NOW - MINUTE, 0, 0, refused, partly_sent=2)
    found = only(replace(facts_of(), failing_channels=[email]))
    assert (found.kind, found.subject) == (IncidentKind.MESSAGES_FAILING, "email")
    assert found.summary == "Messages to email do not reach all recipients."
    assert (found.cause, found.counts) == (refused, {"sent to some": 2})


@pytest.mark.parametrize(
    ("judged", "started", "database_back", "is_found"),
    [
        (6, 60, 60, True),
        (4, 60, 60, False),
        (6, 1, 1, True),  # it was down before we started
        (60, 120, 4, False),  # while the database was unreachable, it could not say that it judges
        (60, 120, 6, True),
        (None, 4, 4, False),
        (None, 6, 6, True),
    ],
)
def test_an_exporter_is_silent_after_five_minutes_in_which_it_could_have_judged(
    judged: int | None, started: int, database_back: int, *, is_found: bool
) -> None:
    facts = replace(
        well(),
        started=NOW - started * MINUTE,
        database=DatabaseFacts(is_reachable=True, since=NOW - database_back * MINUTE),
        others=[OtherExporter("sync-1", None if judged is None else NOW - judged * MINUTE)],
    )
    assert (IncidentKind.EXPORTER_SILENT in kinds(facts)) is is_found
