"""``canvas-sync-monitor runs`` lists runs from the database."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.cli import main
from support.runs import failed, running, snapshot, write

START = datetime(2026, 3, 2, 2, 30, tzinfo=UTC).timestamp()


ON_SQLITE = pytest.mark.parametrize("lasting_engine", ["sqlite"], indirect=True)
"""For what does not depend on the database."""


@pytest.fixture
def engine(emptied_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    url = emptied_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", url)
    return emptied_engine


@pytest.fixture
def few(engine: Engine) -> None:
    """Runs that differ in all that can be asked for, oldest first."""
    write(
        engine,
        snapshot("nightly", start_time=START, course_id=7),
        snapshot("fast", start_time=START + 60, sync_type="incremental", user_id=9),
        failed("broken", start_time=START + 120, host="sync-2"),
        running("now", start_time=START + 180, user_id=None),
    )
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE canvas_sync_metrics SET suspect = true, suspect_reason = 'few items' "
                "WHERE sync_task_id = 'fast'"
            )
        )


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["runs", *words]) == 0
    return capsys.readouterr().out.splitlines()


def records(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    return list(map(json.loads, lines(capsys, "--json", *words)))


@pytest.mark.usefixtures("few")
def test_runs_are_listed_newest_first_with_why_they_did_not_go_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lines(capsys) == [
        "started              type         status     duration  user  course  items  calls  "
        "host    task id",
        "2026-03-02 02:33:00  full         running        40 %     -       -      3     10  "
        "sync-1  now",
        "2026-03-02 02:32:00  full         failed       12.5 s    42       -      3     10  "
        "sync-2  broken",
        "    TimeoutError: Canvas did not answer",
        "2026-03-02 02:31:00  incremental  success ?    12.5 s     9       -      3     10  "
        "sync-1  fast",
        "    few items",
        "2026-03-02 02:30:00  full         success      12.5 s    42       7      3     10  "
        "sync-1  nightly",
        "",
        "Times are in UTC.",
    ]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--status failed", "broken"),
        ("--status failed --status running", "now broken"),
        ("--type incremental", "fast"),
        ("--type incremental --type full --status success", "fast nightly"),
        ("--user 42", "broken nightly"),
        ("--course 7", "nightly"),
        ("--host sync-2", "broken"),
        ("--suspect", "fast"),
        ("--since 2026-03-02T02:31:00Z", "now broken fast"),
        ("--until 2026-03-02T02:31:00Z", "nightly"),
        ("--limit 1", "now"),
        ("--type unknown", ""),
    ],
)
def test_a_run_meets_all_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], words: str, expected: str
) -> None:
    found = records(capsys, *words.split())
    assert [each["sync_task_id"] for each in found] == expected.split()


def test_more_runs_than_a_page_has_are_listed(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    write(engine, *(snapshot(f"run-{n}", start_time=START + n) for n in range(1203)))
    assert main(["runs", "--json", "--limit", "1200"]) == 0
    captured = capsys.readouterr()
    names = [json.loads(line)["sync_task_id"] for line in captured.out.splitlines()]
    assert names == [f"run-{n}" for n in range(1202, 2, -1)]
    assert "stopped at --limit 1200; there are more" in captured.err
    assert len(records(capsys, "--limit", "1203")) == 1203
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("few")
def test_times_are_in_the_zone_of_the_settings_or_of_the_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = lines(capsys, "--limit", "1", "--tz", "Asia/Kathmandu")
    assert shown[1].startswith("2026-03-02 08:18:00  ")
    assert shown[-1] == "Times are in Asia/Kathmandu (UTC+05:45)."
    monkeypatch.setenv("CANVAS_SYNC_TIMEZONE", "Europe/Berlin")
    assert lines(capsys)[-1] == "Times are in Europe/Berlin (UTC+01:00)."


def test_times_around_a_change_of_the_clock_have_their_offset(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
    write(engine, snapshot("summer", start_time=start), snapshot("w", start_time=start + 3600))
    _, winter, summer, *_, last = lines(capsys, "--tz", "Europe/Berlin")
    assert winter.startswith("2026-10-25 02:30:00 +01:00  ")
    assert summer.startswith("2026-10-25 02:30:00 +02:00  ")
    assert last == "Times are in Europe/Berlin."


def test_what_a_terminal_would_obey_is_escaped(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    write(engine, failed("a\x1b[31m\nb", start_time=START, sync_type="\u202eevil"))
    shown = "\n".join(lines(capsys))
    assert r"a\x1b[31m\nb" in shown
    assert r"\u202eevil" in shown
    assert "\u202e" not in "\n".join(lines(capsys, "--json"))


def on_a_terminal(width: int, *words: str, colour: bool = False) -> list[str]:
    """Run the command on a terminal of a width, and return its lines."""
    main_end, other_end = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(width)} | ({} if colour else {"NO_COLOR": "1"})
    command = [sys.executable, "-m", "canvas_sync_exporter.cli", "runs", *words]
    with subprocess.Popen(command, stdout=other_end, env=environ) as process:
        os.close(other_end)
        shown = b""
        while True:
            try:
                part = os.read(main_end, 4096)
            except OSError:  # the other end is closed
                break
            shown += part
    os.close(main_end)
    assert process.returncode == 0
    return shown.decode().splitlines()


@ON_SQLITE
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_a_terminal(width: int) -> None:
    shown = on_a_terminal(width)
    assert max(map(len, shown)) <= width
    assert any("failed" in line for line in shown)
    assert any(line.endswith("nightly") for line in shown)


@ON_SQLITE
@pytest.mark.usefixtures("few")
def test_statuses_have_colours_on_a_terminal_unless_they_are_switched_off() -> None:
    assert "\x1b[31mfailed\x1b[0m" in "\n".join(on_a_terminal(120, colour=True))
    assert "\x1b" not in "\n".join(on_a_terminal(120))


def test_without_a_run_it_says_so(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys) == ["No run matches all filters."]
    assert lines(capsys, "--json") == []


def test_a_missing_database_is_not_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs"]) == 1
    assert "There is no database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", "postgresql://u:hidden@127.0.0.1:1/app")
    assert main(["runs"]) == 1
    error = capsys.readouterr().err
    assert "refused" in error
    assert "hidden" not in error


@pytest.mark.parametrize(
    "words",
    [
        ["--status", "odd"],
        ["--limit", "0"],
        ["--tz", "Mars/Base"],
        ["--since", "2d", "--until", "3d"],
        ["--host", "a\nb"],
    ],
)
def test_wrong_usage_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["runs", *words])
    assert exit_.value.code == 2


def test_each_status_can_be_asked_for(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    write(engine, *(snapshot(status, status=status, start_time=START) for status in RunStatus))
    for status in RunStatus:
        found = records(capsys, "--status", status)
        assert [each["sync_status"] for each in found] == [status]
