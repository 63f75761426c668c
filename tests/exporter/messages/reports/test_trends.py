from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageKind, Severity
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_exporter.config_file.syncs import SyncSettings
from canvas_sync_exporter.messages.content import Status
from support.incidents import incident
from support.reports import make, rows, section, settings, utc
from support.runs import failed, snapshot, write

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Gaza")]
WEEKLY, MONTHLY = MessageKind.WEEKLY, MessageKind.MONTHLY


def write_days(engine: Engine, name: str, first: date, flags: str, **changes: object) -> None:
    """Write a run at noon of each day from ``first``: ``+`` succeeded, ``-`` failed, ``.`` none."""
    for number, flag in enumerate(flags):
        start = utc(f"{first + timedelta(days=number)}T12:00").timestamp()
        if flag != ".":
            make_run = snapshot if flag == "+" else failed
            write(
                engine,
                make_run(f"{name}-{first}-{number}", sync_type=name, start_time=start, **changes),
            )


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_a_week_is_compared_with_the_week_before_worst_sync_type_first(
    is_rolled_up: bool, engine: Engine, tmp_path: Path
) -> None:
    write_days(engine, "full", date(2026, 11, 9), "+++++++", duration=10.0)
    write_days(engine, "full", date(2026, 11, 16), "+++++--", duration=20.0)
    write_days(engine, "grades", date(2026, 11, 9), "+.+....")
    write_days(engine, "grades", date(2026, 11, 16), "+++....")
    while is_rolled_up and roll_up(engine, 60):
        pass

    content = make(WEEKLY, "2026-11-18", engine, settings(tmp_path))

    title = content.title.replace("\N{THIN SPACE}", "")  # newer versions of Babel have it
    assert title == "Weekly summary, 16\N{EN DASH}22 Nov 2026: 80.0% of 10 runs succeeded"
    assert rows(content, "Sync types") == (
        ("full", "7 (±0%)", "71.4% (-28.6)", "20.0 s (+100%)", "21 (±0%)"),
        ("grades", "3 (+50%)", "100% (±0)", "12.5 s (±0%)", "9 (+50%)"),
        ("all", "10 (+11%)", "80.0% (-20)", "20.0 s (+99%)", "30 (+11%)"),  # within 1 %
    )
    assert rows(content, "Day by day")[0] == ("Mon 16 Nov", "2", "100%", "100%")
    assert rows(content, "Day by day")[6] == ("Sun 22 Nov", "1", "0%", "100%")
    table = section(content, "Day by day").table
    assert table is not None
    assert table.shares == (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)
    assert content.status is Status.WARNING


def test_a_month_is_compared_by_its_first_28_days(engine: Engine, tmp_path: Path) -> None:
    write_days(engine, "full", date(2026, 10, 1), "+" * 28 + "---")
    write_days(engine, "full", date(2026, 11, 1), "+" * 21 + "-" * 7 + "++")

    content = make(MONTHLY, "2026-11-15", engine, settings(tmp_path))

    assert content.title == "Monthly summary, November 2026: 76.7% of 30 runs succeeded"
    assert rows(content, "Sync types")[0][:3] == ("full", "30 (±0%)", "76.7% (-25)")
    assert [row[1:] for row in rows(content, "Week by week")] == [
        *[("7", "100%", "100%")] * 3,
        ("7", "0%", "100%"),
        ("2", "100%", "-"),
    ]


def test_incidents_have_their_time_to_repair_worst_first(engine: Engine, tmp_path: Path) -> None:
    opened = utc("2026-11-17T01:00")
    times: dict[str, Any] = {"since": opened, "opened_at": opened, "updated_at": opened}
    day = timedelta(days=1)
    write_incidents(
        engine,
        [
            incident(subject="a", summary="a.", resolved_at=opened + timedelta(hours=3), **times),
            incident(subject="b", summary="b.", resolved_at=opened + timedelta(hours=5), **times),
            incident(subject="c", summary="c.", severity=Severity.WARNING, **times),
            incident(
                subject="before",
                **{**times, "opened_at": opened - 9 * day},
                resolved_at=opened - 8 * day,
            ),
            incident(subject="after", **{**times, "opened_at": opened + 9 * day}),
        ],
    )

    content = make(WEEKLY, "2026-11-18", engine, settings(tmp_path))

    assert rows(content, "Incidents") == (
        ("b.", "Tue 17 Nov, 02:00", "5 h"),
        ("a.", "Tue 17 Nov, 02:00", "3 h"),
        ("c.", "Tue 17 Nov, 02:00", "open for 5 d"),
    )
    assert [(fact.name, fact.value) for fact in section(content, "Incidents").facts] == [
        ("Incidents", "3"),
        ("Still open", "1"),
        ("Median time to repair", "4 h"),
        ("Longest time to repair", "5 h"),
    ]
    assert content.summary.endswith("There were 3 incidents.")


def test_items_that_are_too_old_come_first(engine: Engine, tmp_path: Path) -> None:
    write_days(engine, "full", date(2026, 11, 20), "+")
    write_days(engine, "grades", date(2026, 11, 18), "+")
    write_days(engine, "late", date(2026, 11, 21), "+")
    late = SyncSettings(BERLIN, max_age={"course": timedelta(hours=26)})

    content = make(WEEKLY, "2026-11-18", engine, settings(tmp_path, syncs={"late": late}))

    assert [row[:2] + row[3:] for row in rows(content, "Freshness")] == [
        ("courses", "late", "42 h"),
        ("courses", "grades", "4 d"),
        ("courses", "full", "2 d"),
    ]
    table = section(content, "Freshness").table
    assert table is not None
    assert table.statuses == (Status.WARNING, Status.NEUTRAL, Status.NEUTRAL)


@pytest.mark.parametrize("kind", [WEEKLY, MONTHLY])
def test_a_period_in_which_nothing_happened_is_one_line(
    kind: MessageKind, engine: Engine, tmp_path: Path
) -> None:
    content = make(kind, "2026-11-18", engine, settings(tmp_path))

    assert content.title.endswith(": nothing to report")
    assert content.summary == "No run ended in this period, and there was no incident."
    assert content.sections == ()
