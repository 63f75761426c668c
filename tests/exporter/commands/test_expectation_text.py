"""Expectations and pauses in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from canvas_sync_exporter.commands.expectation_text import (
    describe_pause,
    expectation_lines,
    format_local,
)
from canvas_sync_exporter.judge.expectation import ExpectationSource
from canvas_sync_exporter.schedules.pause import Pause
from support.judge_facts import NOW, nightly

BERLIN = ZoneInfo("Europe/Berlin")


class NeverDue:
    """A schedule without due times."""

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        return ()

    def next_due(self, after: datetime) -> datetime | None:
        return None

    def describe(self) -> str:
        return "never"


def test_a_time_has_seconds_only_if_they_are_not_zero() -> None:
    assert format_local(NOW, BERLIN) == "Wed 2026-11-25 04:00"
    assert format_local(NOW + timedelta(seconds=5), BERLIN) == "Wed 2026-11-25 04:00:05"


def test_an_expectation_says_when_runs_are_due_and_what_is_promised() -> None:
    promised = nightly(max_duration=timedelta(hours=3), max_age={"grade": timedelta(hours=26)})
    assert list(expectation_lines(promised, NOW, UTC)) == [
        "full: at 02:00 every day (UTC), from the configuration file",
        "  due Thu 2026-11-26 02:00, Fri 2026-11-27 02:00, Sat 2026-11-28 02:00",
        "  a run may start 45m late; may take 3h; grade items may be 1d2h old",
    ]


def test_an_expectation_without_a_due_time_says_so() -> None:
    never = nightly(schedule=NeverDue(), source=ExpectationSource.LEARNED)
    assert list(expectation_lines(never, NOW, UTC)) == [
        "full: never, learned from its runs",
        "  nothing is due in the coming week",
        "  a run may start 45m late",
    ]


def test_a_pause_names_its_author_and_number_or_the_file() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    file = Pause(frozenset(), NOW, end, "winter break")
    command = Pause(frozenset({"full", "a"}), NOW, end, "upgrade", author="ada", id=3)

    period = "Wed 2026-11-25 03:00 to Tue 2026-12-01 00:00"
    assert describe_pause(file, UTC) == (
        f"all sync types: {period}, winter break (the configuration file)"
    )
    assert describe_pause(command, UTC) == f"a, full: {period}, upgrade (ada, number 3)"
