"""The exporter's settings."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.settings import Settings, describe
from canvas_sync_exporter.settings import ExporterSettings, configuration
from support.markdown import ROOT


def test_everything_has_a_default_that_stays_on_this_machine() -> None:
    config = configuration({})
    assert (config.exporter.host, config.exporter.port) == ("127.0.0.1", 5000)
    assert config.exporter.tokens_file is None
    assert config.exporter.cleanup_time == dt.time(2)
    assert config.app.timezone.utcoffset(None) == dt.timedelta(0)
    assert config.archive_folder == Path("logs/canvas_sync/archive")
    assert config.embedded_database


def test_the_environment_sets_each_value() -> None:
    config = configuration(
        {
            "CANVAS_SYNC_EXPORTER_HOST": "::1",
            "CANVAS_SYNC_EXPORTER_PORT": "9123",
            "CANVAS_SYNC_TOKENS_FILE": "/etc/tokens",
            "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": "21",
            "CANVAS_SYNC_EXPECTED_INTERVALS": "full=1d, incremental=90m,",
            "CANVAS_SYNC_CLEANUP_TIME": "23:15",
            "CANVAS_SYNC_TIMEZONE": "Europe/Berlin",
            "CANVAS_SYNC_ARCHIVE_DIR": "/archive",
            "CANVAS_SYNC_ARCHIVE_DAYS": "7",
            "CANVAS_SYNC_KEEP_LINES": "5",
            "CANVAS_SYNC_RUN_DAYS": "400",
            "CANVAS_SYNC_DATABASE_URL": "postgresql://db/sync",
        }
    )
    assert config.exporter == ExporterSettings(
        host="::1",
        port=9123,
        tokens_file=Path("/etc/tokens"),
        interrupted_after_seconds=21.0,
        expected_intervals=(("full", 86400), ("incremental", 5400)),
        cleanup_time=dt.time(23, 15),
        archive_dir=Path("/archive"),
        archive_days=7,
        keep_lines=5,
        run_days=400,
    )
    assert config.app.timezone == ZoneInfo("Europe/Berlin")
    assert config.archive_folder == Path("/archive")
    assert not config.embedded_database


def test_an_argument_wins_over_the_environment() -> None:
    assert configuration({"CANVAS_SYNC_EXPORTER_PORT": "1"}, port=2).exporter.port == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CANVAS_SYNC_EXPORTER_PORT", "65536"),
        ("CANVAS_SYNC_EXPORTER_PORT", "http"),
        ("CANVAS_SYNC_EXPECTED_INTERVALS", "full"),
        ("CANVAS_SYNC_EXPECTED_INTERVALS", "full=24"),
        ("CANVAS_SYNC_EXPECTED_INTERVALS", "full=0h"),
        ("CANVAS_SYNC_EXPECTED_INTERVALS", "full=999999w"),
        ("CANVAS_SYNC_EXPECTED_INTERVALS", "full=24h;incremental=1h"),
        ("CANVAS_SYNC_EXPECTED_INTERVALS", "full=24h,full=1h"),
        ("CANVAS_SYNC_EXPECTED_INTERVALS", ",".join(f"type{n}=1h" for n in range(201))),
        ("CANVAS_SYNC_TOKEN_EXPIRES", ",".join(f"token{n}=2027-01-31" for n in range(51))),
        ("CANVAS_SYNC_TOKEN_EXPIRES", "nightly=0001-01-01T00:00+14:00"),
        ("CANVAS_SYNC_TOKEN_EXPIRES", "nightly=9999-12-31T23:59-14:00"),
        ("CANVAS_SYNC_CLEANUP_TIME", "25:00"),
        ("CANVAS_SYNC_CLEANUP_TIME", "02:00+01:00"),
        ("CANVAS_SYNC_TIMEZONE", "Mars/Olympus"),
        ("CANVAS_SYNC_TIMEZONE", "Europe"),
        ("CANVAS_SYNC_TIMEZONE", "../../etc/passwd"),
        ("CANVAS_SYNC_ARCHIVE_DAYS", "0"),
        ("CANVAS_SYNC_KEEP_LINES", "-1"),
        ("CANVAS_SYNC_RUN_DAYS", "0"),
        ("CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS", "soon"),
        ("CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS", "inf"),
        ("CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS", "1e23"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        configuration({name: value})


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("CANVAS_SYNC_KEEP_LINES", "0 to 10000000"),
        ("CANVAS_SYNC_MAX_LIVE_BYTES", "0 to 1000000000000"),
    ],
)
def test_a_large_limit_is_written_in_full(name: str, limits: str) -> None:
    with pytest.raises(SettingsError, match=rf"use a number from {limits}\."):
        configuration({name: "-1"})


def test_a_wrong_interval_is_answered_with_what_to_write() -> None:
    with pytest.raises(SettingsError) as caught:
        configuration({"CANVAS_SYNC_EXPECTED_INTERVALS": "full=daily"})
    assert str(caught.value) == (
        "CANVAS_SYNC_EXPECTED_INTERVALS: 'full=daily' cannot be used: use sync types with the time "
        "between their runs, such as full=24h,incremental=1h (units: s, m, h, d, w)."
    )


@pytest.mark.parametrize(("after", "fits"), [("20", False), ("20.1", True)])
def test_a_run_is_not_called_interrupted_within_two_heartbeats(after: str, fits: bool) -> None:
    environ = {
        "CANVAS_SYNC_HEARTBEAT_SECONDS": "10",
        "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": after,
    }
    if fits:
        assert configuration(environ).exporter.interrupted_after_seconds == float(after)
    else:
        with pytest.raises(SettingsError, match="over twice CANVAS_SYNC_HEARTBEAT_SECONDS"):
            configuration(environ)


def test_every_default_can_be_written_as_it_is_described() -> None:
    for described in describe(ExporterSettings):
        if described.default:
            assert configuration({described.env: described.default}) == configuration({}), described


@pytest.mark.parametrize("settings", [Settings, ExporterSettings])
def test_every_setting_is_read(settings: type[Any]) -> None:
    packages = ("core", "instrumentation", "exporter")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    code = "".join(file.read_text(encoding="utf-8") for file in files)

    names = {field.name for field in dataclasses.fields(settings)}
    assert {name for name in names if not re.search(rf"\.{name}\b", code)} == set()
