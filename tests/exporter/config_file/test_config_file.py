"""The configuration file: what it may say, and what is said about each mistake."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.config_file.config_file import (
    ConfigFile,
    changed_sections,
    find_config_file,
    read_config_file,
    unknown_syncs,
)
from canvas_sync_exporter.config_file.document import MAX_BYTES
from canvas_sync_exporter.config_file.problems import ConfigFileError
from canvas_sync_exporter.settings import changed_settings, configuration, full_configuration

BERLIN = ZoneInfo("Europe/Berlin")
GOOD = """\
[syncs.full]
schedule = "0 2 * * *"
timezone = "America/New_York"
grace = "45m"
max_duration = "3h"
max_age = { grade = "26h" }

[syncs.incremental]
every = "15m"
hours = "Mon-Fri 07:00-19:00"

[syncs.incremental.max_age]
submission = "1h30m"

[[pauses]]
syncs = ["full", "incremental"]
from = 2026-12-19
until = 2027-01-07
reason = "winter break"

[heartbeat]
url = "https://hc.example.edu/ping/4711"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def _read(path: Path, text: str) -> ConfigFile:
    path.write_text(text, encoding="utf-8")
    old = path.stat().st_mtime - 3600  # or it would be read again, as it may be half written
    os.utime(path, (old, old))
    return read_config_file(path, BERLIN)


def _problems(path: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigFileError) as caught:
        _read(path, text)
    return [(each.line, each.message) for each in caught.value.problems]


def test_each_section_is_read(path: Path) -> None:
    file = _read(path, GOOD)

    full, incremental = file.syncs["full"], file.syncs["incremental"]
    assert full.schedule is not None
    assert (full.schedule.expression, full.zone) == ("0 2 * * *", ZoneInfo("America/New_York"))
    assert (full.grace, full.max_duration) == (timedelta(minutes=45), timedelta(hours=3))
    assert full.max_age == {"grade": timedelta(hours=26)}
    assert incremental.every == timedelta(minutes=15)
    assert incremental.hours is not None
    assert incremental.zone == BERLIN
    assert incremental.max_age == {"submission": timedelta(minutes=90)}
    (pause,) = file.pauses
    assert pause.start == datetime(2026, 12, 18, 23, tzinfo=UTC)
    assert pause.end == datetime(2027, 1, 6, 23, tzinfo=UTC)
    assert (pause.reason, pause.author) == ("winter break", None)
    assert file.heartbeat.url == "https://hc.example.edu/ping/4711"


@pytest.mark.parametrize(
    "text", ["", "\n# nothing yet\n", "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), "[syncs]\n"]
)
def test_an_empty_file_a_byte_order_mark_and_dos_line_ends_are_fine(path: Path, text: str) -> None:
    _read(path, text)


def test_the_url_of_the_heartbeat_is_not_shown(path: Path) -> None:
    assert "4711" not in repr(_read(path, GOOD))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            '[syncs.full]\nschedul = "0 2 * * *"',
            2,
            "syncs.full.schedul: unknown key; did you mean `schedule`?",
        ),
        ('[sync.full]\nevery = "1h"', 1, "sync: unknown key; did you mean `syncs`?"),
        (
            "[syncs.full]\nowner = 1",
            2,
            "syncs.full.owner: unknown key; known keys: `timezone`, `schedule`, `every`",
        ),
        (
            "[syncs.full]\n\ngrace = 45",
            3,
            'syncs.full.grace: it is a number; write a text such as "45m"',
        ),
        ('[syncs.full]\ngrace = "soon"', 2, "'soon' cannot be used: write a duration such as 45m"),
        ('[syncs.full]\nschedule = "0 0 31 2 *"', 2, "it never fires: month 2 has no day 31"),
        ('[syncs.full]\nschedule = "99 2 * * *"', 2, "bad minute; write five fields"),
        ("[syncs.full]\nschedule = true", 2, "it is true or false; write a text"),
        ('[syncs.full]\ntimezone = "Europe/Berln"', 2, "did you mean `Europe/Berlin`?"),
        (
            '[syncs.full]\nevery = "1h"\nschedule = "0 2 * * *"',
            2,
            "write either `schedule` or `every`",
        ),
        ('[syncs.full]\nhours = "Mon-Fri 07:00-19:00"', 2, "it needs `every`"),
        (
            '[syncs.full]\nevery = "2h"\nhours = "12:00-13:00"',
            2,
            "no run would be due: the shortest window of `hours` is 1h",
        ),
        (
            '[syncs.full.max_age]\ngrades = "26h"',
            2,
            "syncs.full.max_age.grades: unknown key; did you mean `grade`?",
        ),
        ('[syncs.full]\nmax_age = { course = "x" }', 2, "'x' cannot be used: write a duration"),
        (
            '[syncs]\nfull = "0 2 * * *"',
            2,
            "syncs.full: it is a text; write [syncs.full] with keys below it",
        ),
        ("syncs = 1", 1, "syncs: it is a number; write [syncs]"),
        (
            "[pauses]\nuntil = 2027-01-01",
            1,
            "pauses: it is a table; write [[pauses]] above each of them",
        ),
        (
            "[[pauses]]\nfrom = 2026-01-02\nuntil = 2026-01-01\nreason = 'x'",
            3,
            "pauses.until: it must be after `from`",
        ),
        (
            "[[pauses]]\nfrom = 2026-01-02\nuntil = 2026-01-02\nreason = 'x'",
            3,
            "pauses.until: it must be after `from`",
        ),
        ("[[pauses]]\nfrom = 2026-01-02\nreason = 'x'", 1, "pauses: `until` is missing"),
        *[
            (
                f"[[pauses]]\nfrom = 2026-01-02\nuntil = {until}\nreason = 'x'",
                3,
                "pauses.until: write a date in the years 2000 to 2999",
            )
            for until in ("9999-12-31", "9999-12-31T23:59:59-12:00", "3000-01-01")
        ],
        (
            "[[pauses]]\nfrom = 0001-01-01\nuntil = 2026-01-02\nreason = 'x'",
            2,
            "pauses.from: write a date in the years 2000 to 2999",
        ),
        (
            "[[pauses]]\nfrom = 2026-01-02\nuntil = 2026-01-03\nreason = ' '",
            4,
            "pauses.reason: ' ' cannot be used: say why",
        ),
        *[
            (
                f"[[pauses]]\nsyncs = ['full', {name}]\nfrom = 2026-01-02\nuntil = 2026-01-03\n"
                "reason = 'x'",
                2,
                "cannot be a sync type: write names of 1 to 64 printable characters",
            )
            for name in ("''", "' full'", r'"a\nb"', r'"\u001b[31m"', f"'{'x' * 65}'")
        ],
        *[
            (
                f'[syncs.{name}]\nevery = "1h"',
                1,
                "cannot be a sync type: write names of 1 to 64 printable characters",
            )
            for name in ("''", "' full'", r'"a\nb"', r'"\u001b[31m"', f"'{'x' * 65}'")
        ],
        (
            "[[pauses]]\nfrom = 2026-01-02\nuntil = 2026-01-03",
            1,
            "pauses: `reason` is missing; say why",
        ),
        (
            '[[pauses]]\nfrom = "soon"\nuntil = 2026-01-03\nreason = "x"',
            2,
            "write a date such as 2026-12-19, without quotes",
        ),
        (
            "[[pauses]]\nsyncs = []\nfrom = 2026-01-02\nuntil = 2026-01-03\nreason = 'x'",
            2,
            "leave `syncs` out",
        ),
        ('[heartbeat]\nurl = "hc.example.edu"', 2, "write a URL that begins with https://"),
        ('[heartbeat]\nurl = "https://[::1"', 2, "write a URL that begins with https://"),
        ("[heartbeat]\nurl = 5", 2, "heartbeat.url: it is a number"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_what_to_write(
    path: Path, text: str, line: int, message: str
) -> None:
    ((found_line, found),) = _problems(path, text)

    assert message in found
    assert found_line == line


def test_pauses_that_overlap_are_reported_with_both_lines(path: Path) -> None:
    pause = "[[pauses]]\nsyncs = [{}]\nfrom = 2026-12-{}\nuntil = 2026-12-{}\nreason = 'x'\n"
    apart = pause.format("'full'", 1, 10).replace("-1\n", "-01\n") + pause.format("'full'", 10, 12)
    _read(path, apart)
    _read(path, pause.format("'full'", 10, 20) + pause.format("'grades'", 15, 25))

    overlapping = pause.format("'full', 'grades'", 10, 20) + pause.format("'full'", 15, 25)
    ((line, message),) = _problems(path, overlapping)

    assert line == 6
    assert "it overlaps the pause on line 1" in message


def test_a_pause_for_all_sync_types_overlaps_with_any_other(path: Path) -> None:
    text = (
        "[[pauses]]\nfrom = 2026-12-10\nuntil = 2026-12-20\nreason = 'x'\n"
        "[[pauses]]\nsyncs = 'full'\nfrom = 2026-12-15\nuntil = 2026-12-25\nreason = 'x'\n"
    )

    assert "it overlaps" in _problems(path, text)[0][1]


def test_all_mistakes_are_reported_at_once_in_the_order_of_their_lines(path: Path) -> None:
    text = '[heartbeat]\nurl = 1\n[syncs.full]\ngrace = "x"\nevery = 3\n'

    assert [line for line, _ in _problems(path, text)] == [2, 4, 5]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[syncs.full]\ngrace = 45m\n", 2, 'put texts between quotes, such as grace = "45m"'),
        ("[syncs.full\n", 1, "is not TOML"),
        ('[syncs.full]\n[syncs.full]\nevery = "1h"', 2, "is not TOML"),
        ('[syncs.full]\nschedule = "0 2 *', 2, "the file ends too early"),
        ("[[pauses]]\nsyncs = ['full',\n", 3, "the file ends too early"),
        ("a = " + "[" * 5000, 0, "nested too deeply"),
        ("a = " + "9" * 5000, 0, "it is not TOML"),
        ("a = '\0'", 1, "is not TOML"),
    ],
)
def test_what_is_not_toml_is_reported_with_its_line(
    path: Path, text: str, line: int, message: str
) -> None:
    ((found_line, found),) = _problems(path, text)

    assert message in found
    assert found_line == line


def test_a_path_that_is_not_a_file_is_rejected(path: Path, tmp_path: Path) -> None:
    folder, fifo, large, latin, missing = (tmp_path / name for name in "abcde")
    folder.mkdir()
    os.mkfifo(fifo)
    large.write_text("#" * (MAX_BYTES + 1))
    latin.write_bytes('reason = "vacances d\xe9t\xe9"'.encode("latin-1"))

    for file, message in (
        (folder, "it is a folder, not a regular file"),
        (fifo, "it is a FIFO, not a regular file"),
        (Path("/dev/zero"), "it is a device"),
        (large, "it is larger than 256 KiB"),
        (latin, "it is not UTF-8 text"),
        (missing, "there is no such file"),
    ):
        with pytest.raises(ConfigFileError) as caught:
            read_config_file(file, BERLIN)
        assert message in str(caught.value)
        assert str(caught.value).startswith(str(file))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_reported(path: Path) -> None:
    path.write_text(GOOD)
    path.chmod(0)

    with pytest.raises(ConfigFileError, match="Permission denied"):
        read_config_file(path, BERLIN)


def test_the_file_is_looked_for_beside_the_log_folder(tmp_path: Path) -> None:
    logs = tmp_path / "logs" / "canvas_sync"
    beside = tmp_path / "logs" / "canvas-sync-monitor.toml"
    named = tmp_path / "other.toml"

    assert find_config_file(None, logs) is None
    beside.parent.mkdir()
    beside.touch()
    assert find_config_file(None, logs) == beside
    assert find_config_file(named, logs) == named


def test_a_file_that_a_setting_names_has_to_exist(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"

    with pytest.raises(SettingsError, match=r"missing\.toml: there is no such file"):
        full_configuration({"CANVAS_SYNC_CONFIG": str(missing)})
    assert configuration({"CANVAS_SYNC_CONFIG": str(missing)}).file == ConfigFile()


def test_a_sync_type_that_has_never_run_is_a_warning_with_a_suggestion(path: Path) -> None:
    file = _read(path, GOOD.replace("syncs.full", "syncs.fulll"))

    assert unknown_syncs(file, ["full", "incremental"]) == [
        "There is no run of `fulll` so far; did you mean `full`?"
    ]


def test_what_has_changed_is_reported_by_section_without_values(path: Path) -> None:
    before = _read(path, GOOD)
    after = _read(path, GOOD.replace("0 2 *", "0 3 *").replace("4711", "4712"))

    assert changed_sections(before, before) == []
    assert changed_sections(before, after) == ["[syncs.full]", "[heartbeat]"]
    assert changed_sections(ConfigFile(), before) == [
        "[syncs.full]",
        "[syncs.incremental]",
        "[[pauses]]",
        "[heartbeat]",
    ]


def test_a_change_of_the_file_is_a_change_of_the_settings(path: Path) -> None:
    environ = {"CANVAS_SYNC_CONFIG": str(path)}
    path.write_text(GOOD)
    before = full_configuration(environ)
    path.write_text(GOOD.replace("winter break", "winter holidays"))

    assert changed_settings(before, full_configuration(environ)) == ["[[pauses]]"]
