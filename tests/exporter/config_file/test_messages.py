"""Messages in general: what the section may say, and what is said about each mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_exporter.config_file.config_file import (
    ConfigFile,
    changed_sections,
    read_config_file,
)
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.config_file.problems import ConfigFileError

BERLIN = ZoneInfo("Europe/Berlin")
Read = Callable[[str], MessageSettings]


def read_file(folder: Path, text: str) -> ConfigFile:
    """Read a configuration file with this section."""
    path = folder / "config.toml"
    path.write_text(f"[messages]\n{text}", encoding="utf-8")
    return read_config_file(path, BERLIN, {})


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read the section."""
    return lambda text: read_file(tmp_path, text).messages


def test_without_keys_incidents_are_sent_at_any_hour_and_without_links(read: Read) -> None:
    settings = read("")
    assert settings == MessageSettings()
    assert settings.incidents
    assert settings.quiet_hours is None


def test_messages_about_incidents_can_be_left_to_alertmanager(read: Read) -> None:
    assert not read("incidents = false").incidents
    assert read("incidents = true").incidents


def test_quiet_hours_are_in_the_zone_of_the_section_or_of_the_settings(read: Read) -> None:
    quiet = read('quiet_hours = "20:00-07:00"').quiet_hours
    assert quiet is not None
    winter = [datetime(2026, 1, 15, hour, tzinfo=UTC) for hour in (5, 6, 18, 19)]
    assert [quiet.cover(time) for time in winter] == [True, False, False, True]
    tokyo = read('quiet_hours = "20:00-07:00"\ntimezone = "Asia/Tokyo"').quiet_hours
    assert tokyo is not None
    assert [tokyo.cover(time) for time in winter] == [False, False, True, True]


def test_quiet_hours_follow_the_clock_change(read: Read) -> None:
    quiet = read('quiet_hours = "22:00-07:00"').quiet_hours
    assert quiet is not None
    assert quiet.cover(datetime(2026, 3, 29, 4, 59, tzinfo=UTC))
    assert not quiet.cover(datetime(2026, 3, 29, 5, 0, tzinfo=UTC))
    assert quiet.cover(datetime(2026, 10, 25, 5, 59, tzinfo=UTC))
    assert not quiet.cover(datetime(2026, 10, 25, 6, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("incidents = 'no'", "messages.incidents: it is a text; write true or false"),
        ("incidents = 0", "messages.incidents: it is a number; write true or false"),
        ("runbook_url = 7", "messages.runbook_url: it is a number"),
        ("quiet_hours = '25:00-07:00'", "25:00 is not a time of day"),
        (
            "quiet_hours = '00:00-24:00'",
            "the whole week; to receive critical incidents only, write",
        ),
        ("timezone = 'Europe/Berln'", "did you mean `Europe/Berlin`"),
        ("quite_hours = '20:00-07:00'", "did you mean `quiet_hours`?"),
        ("slak = {}", "did you mean `slack`?"),
    ],
)
def test_each_mistake_is_named_with_its_line(read: Read, text: str, mistake: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        read(text)
    assert mistake in str(caught.value)
    assert ", line 2: messages." in str(caught.value)


def test_a_change_of_the_section_is_named(tmp_path: Path) -> None:
    before, after = (read_file(tmp_path, text) for text in ("", "incidents = false"))
    assert changed_sections(before, after) == ["[messages]"]
    assert changed_sections(before, read_file(tmp_path, "")) == []


def test_numbers_and_dates_are_british_unless_a_locale_is_named(read: Read) -> None:
    assert read("").locale == "en_GB"
    assert read('locale = "de-DE"').locale == "de_DE"
    assert read('locale = "fr"').locale == "fr"


@pytest.mark.parametrize("locale", ["xx_YY", "", "de_DE_", "../etc", "german"])
def test_a_locale_that_does_not_exist_is_rejected(locale: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match=r"line 2: messages\.locale: .*such as de_DE"):
        read_file(tmp_path, f'locale = "{locale}"')
