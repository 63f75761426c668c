from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.config_file.config_file import changed_sections, read_config_file
from canvas_sync_exporter.config_file.problems import ConfigFileError
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.settings import configuration, full_configuration

BERLIN = ZoneInfo("Europe/Berlin")


def read(folder: Path, text: str) -> ReportSettings:
    file = folder / "config.toml"
    file.write_text(text)
    return read_config_file(file, BERLIN).messages.reports


def test_all_reports_are_made_at_0730_of_the_default_zone_unless_configured(tmp_path: Path) -> None:
    assert read(tmp_path, "") == ReportSettings()
    without_file = configuration({"CANVAS_SYNC_TIMEZONE": "Europe/Berlin"})
    assert without_file.reports == ReportSettings(timezone=BERLIN)


def test_every_key_is_read(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        """
        [messages.reports]
        kinds = ["daily", "monthly"]
        at = "06:15"
        weekday = "fri"
        """,
    )

    assert settings == ReportSettings(
        kinds=frozenset({MessageKind.DAILY, MessageKind.MONTHLY}),
        at=dt.time(6, 15),
        weekday=4,
    )


def test_reports_are_in_the_time_zone_of_messages(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[messages]\ntimezone = "America/New_York"\n')
    environ = {"CANVAS_SYNC_TIMEZONE": "Europe/Berlin", "CANVAS_SYNC_CONFIG": str(file)}

    assert full_configuration(environ).reports.zone == ZoneInfo("America/New_York")


def test_an_empty_list_switches_all_reports_off(tmp_path: Path) -> None:
    assert read(tmp_path, "[messages.reports]\nkinds = []").kinds == frozenset()


def test_midnight_is_a_time_of_day_and_monday_a_weekday(tmp_path: Path) -> None:
    settings = read(tmp_path, '[messages.reports]\nat = "00:00"\nweekday = "Mon"')

    assert (settings.at, settings.weekday) == (dt.time(), 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('kinds = ["dayly"]', "use one of daily, weekly, .*; did you mean `daily`"),
        ('kinds = ["incident"]', "use one of daily, weekly"),
        ("kinds = [1]", "write a list of texts"),
        ("kinds = 1", "write a list of texts"),
        ('at = "7.30"', "write a time of day such as 07:30"),
        ('at = "07:31"', "quarter"),
        ('at = "07:30+01:00"', "without a zone"),
        ('weekday = "Someday"', "use one of Mon, Tue"),
        ('att = "07:30"', "did you mean `at`"),
    ],
)
def test_a_mistake_is_reported_with_its_line(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match=rf"line 2: messages\.reports\..*{message}"):
        read(tmp_path, f"[messages.reports]\n{line}")


def test_an_unknown_section_of_messages_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="did you mean `reports`"):
        read(tmp_path, "[messages.report]\nkinds = []")


def test_a_change_of_the_section_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    before = read_config_file(file, BERLIN)
    file.write_text('[messages.reports]\nat = "08:00"')

    assert changed_sections(before, read_config_file(file, BERLIN)) == ["[messages.reports]"]
