from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from canvas_sync_core.events import ItemCounts
from canvas_sync_core.incident import Acknowledgement
from canvas_sync_core.names import ITEMS, MessageKind, RunStatus, Severity
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.reading import open_incidents
from canvas_sync_core.store.incidents.writing import acknowledge_incident, write_incidents
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_exporter.config_file.syncs import SyncSettings
from canvas_sync_exporter.messages.content import Status
from canvas_sync_exporter.schedules.cron import parse_cron
from canvas_sync_exporter.schedules.pause import Pause
from support.incidents import incident
from support.reports import make, rows, section, settings, utc
from support.runs import failed, running, snapshot, write

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = MessageKind.DAILY
DAY = "2026-03-29"  # the night in which clocks go forward; the summary is made at 05:30 UTC


def items(number: int) -> dict[str, ItemCounts]:
    return {item: ItemCounts() for item in ITEMS} | {"course": ItemCounts(number, 0, 0, 0, 0)}


def at(text: str) -> float:
    return utc(text).timestamp()


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_each_sync_type_has_its_last_run_and_its_figures_against_the_usual_ones(
    is_rolled_up: bool, engine: Engine, tmp_path: Path
) -> None:
    for week in range(1, 5):
        night = at("2026-03-29T01:00") - timedelta(weeks=week).total_seconds()
        write(engine, snapshot(f"old-{week}", start_time=night, items=items(100), duration=10.0))
    write(
        engine,
        snapshot("night", start_time=at("2026-03-29T01:00"), items=items(50), duration=20.0),
        failed("hourly-1", sync_type="hourly", start_time=at("2026-03-28T23:00")),
        snapshot("hourly-2", sync_type="hourly", start_time=at("2026-03-29T05:00")),
        running("hourly-3", sync_type="hourly", start_time=at("2026-03-29T05:20")),
    )
    while is_rolled_up and roll_up(engine, 60):
        pass

    content = make(DAILY, DAY, engine, settings(tmp_path))

    assert rows(content, "Sync types") == (
        ("hourly", "running since 07:20", "1 of 2", "6", "12.5 s", "-"),
        ("full", "success, 03:00", "1 of 1", "50 (100)", "20.0 s (10.0 s)", "-"),
    )
    assert content.title == "Daily summary, Sun, 29 Mar 2026: 2 of 3 runs succeeded"
    assert content.status is Status.WARNING
    assert "Europe/Berlin (UTC+01:00, later UTC+02:00)" in content.footer


def test_a_summary_begins_where_the_one_before_ended(engine: Engine, tmp_path: Path) -> None:
    config = settings(tmp_path)
    for hour in range(24 * 4):
        start = at("2026-03-27T12:05") + 3600 * hour
        write(engine, snapshot(f"run-{hour}", sync_type="hourly", start_time=start))

    counts = [
        rows(make(DAILY, day, engine, config), "Sync types")[0][2]
        for day in ("2026-03-28", "2026-03-29", "2026-03-30")
    ]

    assert counts == ["19 of 19", "23 of 23", "24 of 24"]


def test_what_went_wrong_is_grouped_by_cause(engine: Engine, tmp_path: Path) -> None:
    write(
        engine,
        failed("a", start_time=at("2026-03-28T20:00"), user_id=1),
        failed("b", start_time=at("2026-03-29T01:00"), user_id=2),
        failed("too early", start_time=at("2026-03-28T05:00")),
        failed("too late", start_time=at("2026-03-29T05:45")),
    )

    content = make(DAILY, DAY, engine, settings(tmp_path))

    assert rows(content, "What went wrong") == (
        ("TimeoutError: Canvas did not answer", "2", "2", "Sat 28 Mar, 21:00", "03:00"),
    )
    assert content.status is Status.CRITICAL


def test_open_incidents_come_first_and_worst_first(engine: Engine, tmp_path: Path) -> None:
    since = utc("2026-03-29T03:00")
    times: dict[str, Any] = {"since": since, "opened_at": since, "updated_at": since}
    write_incidents(
        engine,
        [
            incident(subject="a", severity=Severity.WARNING, summary="a is slow.", **times),
            incident(subject="b", summary="b fails.", run_count=3, user_count=2, **times),
            incident(subject="e", summary="e fails.", **times),
            incident(
                subject="c", summary="c failed.", resolved_at=since + timedelta(hours=1), **times
            ),
            incident(
                subject="d",
                **{**times, "opened_at": utc("2026-03-29T06:00"), "since": since},
            ),
        ],
    )
    (known,) = (each for each in open_incidents(engine) if each.subject == "e")
    assert known.id is not None
    acknowledge_incident(engine, known.id, Acknowledgement(since, "anna", "known", 0))

    content = make(DAILY, DAY, engine, settings(tmp_path))

    assert content.sections[0] is section(content, "Open incidents")
    assert rows(content, "Open incidents") == (
        ("b fails.", "05:00 (2 h)", "3", "2"),
        ("a is slow.", "05:00 (2 h)", "-", "-"),
        ("e fails. (acknowledged)", "05:00 (2 h)", "-", "-"),
    )
    assert rows(content, "Incidents that ended") == (("c failed.", "Sun 29 Mar, 05:00", "60 min"),)
    assert content.status is Status.CRITICAL
    assert content.title.startswith("Daily summary, Sun, 29 Mar 2026: 3 open incidents")


def test_what_is_due_in_the_rest_of_the_day_is_named(engine: Engine, tmp_path: Path) -> None:
    def sync(schedule: str) -> SyncSettings:
        return SyncSettings(BERLIN, schedule=parse_cron(schedule, BERLIN))

    write(engine, snapshot("night", start_time=at("2026-03-29T01:00")))
    config = settings(
        tmp_path,
        syncs={
            "full": sync("0 3 * * *"),
            "grades": sync("0 12,18 * * *"),
            "hourly": sync("5 * * * *"),
            "paused": sync("0 12 * * *"),
        },
        pauses=(
            Pause(frozenset({"paused"}), utc("2026-03-01"), utc("2026-04-01"), "break"),
            Pause(frozenset({"grades"}), utc("2026-03-29T15:00"), utc("2026-03-30"), "work"),
        ),
    )

    content = make(DAILY, DAY, engine, config)

    assert {row[0]: row[5] for row in rows(content, "Sync types")} == {
        "full": "no more today",
        "grades": "12:00",
        "hourly": "16 times, next at 08:05",
        "paused": "paused until Wed 1 Apr, 02:00",
    }


def test_intervals_count_from_the_last_run_and_learned_schedules_have_their_next_run(
    engine: Engine, tmp_path: Path
) -> None:
    write(
        engine,
        snapshot("every", sync_type="every", start_time=at("2026-03-29T05:10")),
        snapshot("learned", sync_type="learned", start_time=at("2026-03-29T01:00")),
    )
    due = {"learned": utc("2026-03-29T13:00"), "tomorrow": utc("2026-03-30T01:00")}
    note_judging(engine, JudgeRow("judge", utc("2026-03-29T05:29"), None, due))
    every = SyncSettings(BERLIN, every=timedelta(hours=6))

    content = make(DAILY, DAY, engine, settings(tmp_path, syncs={"every": every}))

    assert {row[0]: row[5] for row in rows(content, "Sync types")} == {
        "every": "13:10, 19:10",
        "learned": "15:00",
        "tomorrow": "no more today",
    }


def test_a_summary_made_later_on_the_same_day_shows_the_state_at_that_time(
    engine: Engine, tmp_path: Path
) -> None:
    write(
        engine,
        snapshot("night", start_time=at("2026-03-29T01:00")),
        snapshot("new", start_time=at("2026-03-29T08:00"), status=RunStatus.PARTIAL),
    )

    content = make(DAILY, DAY, engine, settings(tmp_path), now="2026-03-29T09:00")

    assert rows(content, "Sync types")[0][1:3] == ("partial, 10:00", "1 of 1")


def test_a_day_on_which_nothing_happened_is_one_line(engine: Engine, tmp_path: Path) -> None:
    content = make(DAILY, DAY, engine, settings(tmp_path))

    assert content.title == "Daily summary, Sun, 29 Mar 2026: nothing to report"
    assert content.summary.count("\n") == 0
    assert content.sections == ()
    assert content.status is Status.NEUTRAL
