"""``canvas-sync-monitor status`` says how everything is, from the database alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine

from canvas_sync_core.incident import Acknowledgement, Incident
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.database import downgrade, open_engine
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.writing import acknowledge_incident, write_incidents
from canvas_sync_exporter.cli import main
from canvas_sync_exporter.judge.pauses import add_pause
from canvas_sync_exporter.schedules.pause import Pause
from support.incidents import incident
from support.runs import failed, running, snapshot, write
from support.tables import create_tables

NOW = datetime(2026, 3, 2, 3, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
NIGHT = (NOW - HOUR).timestamp()
DUE = {"full": NOW + 23 * HOUR, "grades": NOW - timedelta(minutes=3)}


@pytest.fixture
def engine(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database with two sync types, at a time that stands still."""
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", empty_database_url)
    engine = open_engine(empty_database_url)
    create_tables(engine)
    write(engine, snapshot("nightly", start_time=NIGHT))
    write(engine, running("now", sync_type="grades", start_time=NIGHT + 3500))
    with time_machine.travel(NOW, tick=False):
        yield engine
    engine.dispose()


@pytest.fixture
def judged(engine: Engine) -> Engine:
    """The same, judged ten seconds ago."""
    note_judging(engine, JudgeRow("sync-1:/state", NOW - timedelta(seconds=10), None, DUE))
    return engine


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["status", *words])
    return code, capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code, out = printed(capsys, "--json")
    return code, json.loads(out)


def opened(engine: Engine, kind: IncidentKind = IncidentKind.FAILING, **changes: Any) -> Incident:
    start = NOW - HOUR
    times = {"since": start, "opened_at": start, "updated_at": start, "affects": ("full",)}
    (written,) = write_incidents(engine, [incident(kind, **{**times, **changes})])
    return written


@pytest.mark.usefixtures("judged")
def test_all_is_well_in_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = printed(capsys)
    assert code == 0
    assert out.splitlines() == [
        "WELL  Nothing needs attention",
        "",
        "sync type  state    last run  started       took  next due",
        "full       well     success   60 min ago  12.5 s  2026-03-03 02:04, in 23 h",
        "grades     running  running   1 min ago           2026-03-02 03:01, 3 min ago",
        "",
        "Judged 10 s ago by sync-1:/state. Times are in UTC.",
    ]


def test_what_needs_attention_comes_first(
    judged: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    write(judged, failed("broken", start_time=NIGHT + 60))
    opened(judged, IncidentKind.QUOTA_LOW, subject="9ea1d209", severity=Severity.WARNING)
    opened(judged, cause="Canvas answered 503.", counts={"HTTP 503": 409}, user_count=412)
    code, out = printed(capsys, "--tz", "Europe/Berlin")
    assert code == 2
    first = out.partition("sync type")[0].splitlines()
    assert first[:5] == [
        "CRITICAL  2 incidents need attention",
        "",
        "critical  failing  full",
        "  since 2026-03-02 03:04, 60 min ago (incident 2)",
        "  The sync full fails. Canvas answered 503.",
    ]
    assert "  HTTP 503: 409, 412 users" in first
    assert "warning  quota low  9ea1d209" in first
    assert "full       failing" in out
    assert "Europe/Berlin (UTC+01:00)" in out


@pytest.mark.parametrize(("severity", "expected"), [(Severity.WARNING, 1), (Severity.CRITICAL, 2)])
def test_the_exit_code_is_the_worst_of_what_is_not_acknowledged(
    judged: Engine, capsys: pytest.CaptureFixture[str], severity: Severity, expected: int
) -> None:
    written = opened(judged, severity=severity)
    assert printed(capsys)[0] == expected
    assert written.id is not None
    known = Acknowledgement(NOW, "ada", "Fixed with the next release.", 0)
    acknowledge_incident(judged, written.id, known)
    code, out = printed(capsys)
    assert code == 0
    assert out.startswith("WELL  Nothing needs attention, 1 acknowledged")
    assert "Acknowledged by ada: Fixed with the next release." in out


def test_json_has_the_same_for_programs(judged: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    opened(judged)
    code, status = document(capsys)
    assert (code, status["status"], status["problem"]) == (2, "critical", "")
    assert status["judged_at"] == "2026-03-02T03:03:50Z"
    assert [each["kind"] for each in status["incidents"]] == ["failing"]
    full, grades = status["syncs"]
    assert (full["sync_type"], full["state"], full["level"]) == ("full", "failing", "critical")
    assert full["last_run"]["task_id"] == "nightly"
    assert full["next_due"] == "2026-03-03T02:04:00Z"
    assert (grades["state"], grades["last_run"]["duration"]) == ("running", None)


UNJUDGED = "Not judged: failing, missed."


def test_what_no_exporter_could_judge_is_not_reported_as_well(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    note_judging(engine, JudgeRow("sync-1:/state", NOW, UNJUDGED, DUE))
    code, out = printed(capsys)
    assert code == 3
    assert out.startswith(f"UNKNOWN  No open incident\n{UNJUDGED} An exporter judges")
    assert "well" not in out
    opened(engine)
    code, out = printed(capsys)
    assert code == 2
    assert out.startswith(f"CRITICAL  1 incident needs attention\n{UNJUDGED}")


def test_one_exporter_that_judged_everything_is_enough(
    judged: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    note_judging(judged, JudgeRow("sync-2:/state", NOW, UNJUDGED, DUE))
    assert printed(capsys)[0] == 0


def test_without_a_judge_nobody_can_tell(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = printed(capsys)
    assert code == 3
    assert "No exporter has ever judged here. Start `canvas-sync-monitor serve`." in out
    note_judging(engine, JudgeRow("sync-1:/state", NOW - HOUR, None, DUE))
    opened(engine)
    code, status = document(capsys)
    assert (code, status["status"]) == (3, "unknown")
    assert "sync-1:/state was the last to do so, over 3 minutes ago" in status["problem"]
    assert [each["state"] for each in status["syncs"]] == ["failing", "unknown"]


def test_a_pause_is_shown_with_its_end(judged: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    pause = Pause(frozenset({"full"}), NOW - HOUR, NOW + HOUR, "upgrade", "ada")
    add_pause(judged, pause, now=NOW)
    assert "paused until 2026-03-02 04:04" in printed(capsys)[1]
    full, grades = document(capsys)[1]["syncs"]
    assert (full["state"], full["paused_until"]) == ("paused", "2026-03-02T04:04:00Z")
    assert grades["state"] == "running"


def test_a_sync_type_that_never_ran_is_shown_when_it_is_due(
    judged: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    note_judging(judged, JudgeRow("sync-1:/state", NOW, None, {"rosters": NOW + HOUR}))
    assert "rosters    well     never" in printed(capsys)[1]


def test_before_the_first_sync_nobody_can_tell_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 3
    assert "There is no database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_also_reported_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", "postgresql://u:hidden@127.0.0.1:1/app")
    code, status = document(capsys)
    assert (code, status["status"]) == (3, "unknown")
    assert "refused" in status["problem"]
    assert "hidden" not in status["problem"]


def test_a_database_without_incidents_says_what_to_do(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    downgrade(engine, "0007")
    assert main(["status"]) == 3
    assert "canvas-sync-monitor db upgrade" in capsys.readouterr().err


def test_a_wrong_setting_or_argument_does_not_exit_as_critical(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["status", "--tz", "Mars/Base"])
    assert exit_.value.code == 3
    monkeypatch.setenv("CANVAS_SYNC_HEARTBEAT_SECONDS", "often")
    assert main(["status"]) == 3
    assert "CANVAS_SYNC_HEARTBEAT_SECONDS" in capsys.readouterr().err


def test_what_a_terminal_would_obey_is_escaped(
    judged: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(judged, summary="a\x1b[31mb", subject="\u202eevil")
    out = printed(capsys)[1]
    assert r"a\x1b[31mb" in out
    assert r"\u202eevil" in out
    assert "\u202e" not in printed(capsys, "--json")[1]


@pytest.mark.parametrize("words", [["--bogus"], ["extra"], ["--tz", "Nowhere"]])
def test_wrong_usage_does_not_exit_as_a_critical_incident(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status", *words])
    assert ended.value.code == 3
