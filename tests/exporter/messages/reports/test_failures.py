from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import MessageKind, RunStatus
from canvas_sync_exporter.messages.content import Content
from canvas_sync_exporter.messages.reports import failures
from support.reports import make, rows, section, settings, utc
from support.runs import snapshot, write

FAILURES = MessageKind.FAILURES


def facts(content: Content, title: str) -> dict[str, str]:
    return {fact.name: fact.value for fact in section(content, title).facts}


def failed_at(time: str, message: str = "user 4711 timed out", **changes: Any) -> Any:
    error = ErrorInfo("TimeoutError", message, ("app.sync:run:12", "app.canvas:courses:34"))
    defaults = {"start_time": utc(time).timestamp(), "error": error, "status": RunStatus.FAILED}
    return snapshot(time, **{**defaults, **changes})


def test_failures_are_grouped_by_cause_with_what_is_known_about_each(
    engine: Engine, tmp_path: Path
) -> None:
    write(
        engine,
        failed_at("2026-11-17T02:00", host="sync-2"),
        failed_at("2026-11-18T02:00", "user 9 timed out", host="sync-2", user_id=9),
        failed_at("2026-11-19T02:00", "bad data", sync_type="grades", status=RunStatus.PARTIAL),
        failed_at("2026-11-12T02:00", "bad data"),
        failed_at("2026-11-11T02:00", "bad data"),
        snapshot("good", host="sync-1", start_time=utc("2026-11-17T12:00").timestamp()),
        snapshot("first of all", start_time=utc("2026-10-01").timestamp()),
    )

    content = make(FAILURES, "2026-11-18", engine, settings(tmp_path))

    assert content.summary == (
        "3 of 4 runs failed, after 2 of 2 in the week before. "
        "Most frequent cause: TimeoutError: user # timed out."
    )
    assert rows(content, "Failed runs by cause") == (
        (
            *("TimeoutError: user # timed out", "2", "2"),
            *("Tue 17 Nov, 03:00", "Wed 18 Nov, 03:00"),
        ),
        ("TimeoutError: bad data", "1", "1", "Thu 19 Nov, 03:00", "Thu 19 Nov, 03:00"),
    )
    assert facts(content, "TimeoutError: user # timed out") == {
        "Sync types": "full 2",
        "Users": "2",
        "First and last": "Tue 17 Nov, 03:00; Wed 18 Nov, 03:00",
        "Hosts": "only sync-2, while runs on other hosts succeeded",
        "Week before": "no such failure; new since Tue 17 Nov, 03:00",
        "Place in the code": "app.canvas:courses:34",
    }
    known = facts(content, "TimeoutError: bad data")
    assert known["Week before"] == "2 runs"
    assert known["Hosts"] == "sync-1 1"


def test_a_request_id_is_given_for_a_support_ticket(engine: Engine, tmp_path: Path) -> None:
    write(engine, failed_at("2026-11-17T02:00"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE canvas_sync_metrics SET request_context_id = 'abc-1'"))

    content = make(FAILURES, "2026-11-18", engine, settings(tmp_path))

    assert facts(content, "TimeoutError: user # timed out")["Newest request id"] == "abc-1"


def test_a_week_without_failures_is_one_line(engine: Engine, tmp_path: Path) -> None:
    write(engine, snapshot("good", start_time=utc("2026-11-17T12:00").timestamp()))

    content = make(FAILURES, "2026-11-18", engine, settings(tmp_path))

    assert content.summary == "The only run did not fail."
    assert content.sections == ()


def test_only_the_newest_failed_runs_are_examined_and_the_report_says_so(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "MOST_FAILED_RUNS", 2)
    write(engine, *(failed_at(f"2026-11-17T0{hour}:00") for hour in range(5)))

    content = make(FAILURES, "2026-11-18", engine, settings(tmp_path))

    assert content.title.endswith(": 5 of 5 runs failed")
    assert rows(content, "Failed runs by cause")[0][1] == "2"
    assert section(content, "Failed runs by cause").paragraphs == (
        "Only the newest 2 failed runs were examined for causes.",
    )
    assert rows(content, "All failed runs by class of error") == (
        ("TimeoutError", "5", "0", "Tue 17 Nov, 01:00", "Tue 17 Nov, 05:00"),
    )
