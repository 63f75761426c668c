"""``canvas-sync-monitor pause``: setting, showing and ending pauses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.cli import main
from canvas_sync_exporter.commands.pause import author
from canvas_sync_exporter.judge.pauses import active_pauses
from canvas_sync_exporter.schedules.pause import Pause
from support.runs import snapshot, write
from support.tables import create_tables

UNTIL = f"{datetime.now(UTC).year + 2}-01-07"
BREAK = ("--until", UNTIL, "--reason", "winter break")


@pytest.fixture(autouse=True)
def database_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with one run of the sync type ``full``."""
    url = f"sqlite:///{tmp_path / 'syncs.sqlite3'}"
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", url)
    monkeypatch.setenv("CANVAS_SYNC_TIMEZONE", "Europe/Berlin")
    monkeypatch.chdir(tmp_path)
    engine = open_engine(url)
    create_tables(engine)
    write(engine, snapshot("one"))
    engine.dispose()
    return url


def _pauses(url: str) -> list[Pause]:
    engine = open_engine(url)
    found = active_pauses(engine, datetime.now(UTC))
    engine.dispose()
    return found


def test_a_pause_is_set_with_who_and_why(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pause", "full", *BREAK]) == 0

    (pause,) = _pauses(database_url)
    assert (pause.sync_types, pause.reason) == (frozenset(["full"]), "winter break")
    assert pause.author == author()
    assert pause.end == datetime.fromisoformat(f"{UNTIL}T00:00+01:00")
    printed = capsys.readouterr()
    assert re.fullmatch(
        rf"Paused full: \w{{3}} .+ to \w{{3}} {UNTIL} 00:00, winter break \(.+, number 1\)\.\n",
        printed.out,
    )
    assert printed.err == ""


def test_a_pause_may_last_for_a_while_and_hold_for_all(database_url: str) -> None:
    assert main(["pause", "--all", "--until", "2h", "--reason", "upgrade"]) == 0

    (pause,) = _pauses(database_url)
    assert pause.sync_types == frozenset()
    assert pause.end - pause.start == timedelta(hours=2)


def test_a_pause_is_listed_with_those_of_the_file_and_ended(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[[pauses]]\nfrom = 2020-01-01\nuntil = 2999-01-01\nreason = 'planned'\n")
    monkeypatch.setenv("CANVAS_SYNC_CONFIG", str(file))
    main(["pause", "full", "grades", *BREAK])
    capsys.readouterr()

    assert main(["pause", "--list"]) == 0
    planned, listed = capsys.readouterr().out.splitlines()
    assert planned.startswith("all sync types: Wed 2020-01-01 00:00 to Tue 2999-01-01 00:00")
    assert planned.endswith("planned (the configuration file)")
    assert listed.startswith("full, grades: ")

    assert main(["pause", "--end", "1"]) == 0
    assert _pauses(database_url) == []
    assert main(["pause", "--end", "1"]) == 1
    assert capsys.readouterr().err == "There is no active or upcoming pause 1: see --list.\n"


def test_a_sync_type_that_has_never_run_is_paused_with_a_warning(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pause", "fulll", *BREAK]) == 0

    warning = "warning: There is no run of `fulll` so far; did you mean `full`?\n"
    assert capsys.readouterr().err == warning
    assert len(_pauses(database_url)) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["full", "--reason", "x"], "--until is missing"),
        (["full", "--until", "2h"], "--reason is missing"),
        (["--until", "2h", "--reason", "x"], "Name the sync types to pause, or write --all"),
        (["full", "--all", *BREAK], "Name the sync types to pause, or write --all"),
        (["full", "--until", "soon", "--reason", "x"], "--until: 'soon' is not a time"),
        (["full", "--until", "2020-01-01", "--reason", "x"], "--until: it must be after"),
        (["full", "--from", "2020-01-01", "--until", "2020-01-02", "--reason", "x"], "in the past"),
        (["full", "--until", "2h", "--reason", "  "], "--reason: say why"),
        (["", "--until", "2h", "--reason", "x"], "TYPE: write names"),
        (["full", "--list"], "Use --list or --end without other arguments"),
        (["--list", "--end", "1"], "Use --list or --end without other arguments"),
    ],
)
def test_arguments_that_make_no_sense_set_nothing(
    words: list[str], message: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pause", *words]) == 2

    assert message in capsys.readouterr().err
    assert _pauses(database_url) == []


def test_without_a_database_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    assert main(["pause", "full", *BREAK]) == 1
    assert "canvas-sync-monitor: " in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "1e3"])
def test_a_number_that_no_pause_can_have_is_wrong_usage(number: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["pause", "--end", number])
    assert ended.value.code == 2
