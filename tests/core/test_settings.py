"""Settings: where they come from, what they refuse, and that a secret stays one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.names import Log, LogLevel
from canvas_sync_core.settings import Settings, describe, read, with_app_config


def test_without_any_settings_everything_is_below_one_folder() -> None:
    settings = read(Settings, {})
    assert settings == Settings()
    assert settings.log_dir == Path("logs/canvas_sync")
    assert settings.state_folder == Path("logs/canvas_sync/state")
    assert settings.control_folder == settings.state_folder / "control"
    assert settings.metrics_folder == settings.state_folder / "metrics"
    assert settings.spool_folder == settings.state_folder / "spool"
    file = (settings.state_folder / "canvas_sync.sqlite3").absolute()
    assert settings.resolved_database_url == f"sqlite:///{file}"


def test_an_argument_wins_over_the_environment_and_that_over_the_default() -> None:
    environ = {"CANVAS_SYNC_LOG_FORMAT": "text", "CANVAS_SYNC_HEARTBEAT_SECONDS": "3"}
    settings = read(Settings, environ, log_format="json", exit_timeout_seconds=None)
    assert (settings.log_format, settings.heartbeat_seconds) == ("json", 3.0)
    assert settings.exit_timeout_seconds == Settings().exit_timeout_seconds


@pytest.mark.parametrize(
    ("name", "raw", "field", "value"),
    [
        ("CANVAS_SYNC_ENABLED", " off ", "enabled", False),
        ("CANVAS_SYNC_ENABLED", "", "enabled", True),
        ("CANVAS_SYNC_LOG_DIR", "~/logs", "log_dir", Path.home() / "logs"),
        ("CANVAS_SYNC_LOG_FORMAT", "TEXT", "log_format", "text"),
        ("CANVAS_SYNC_CANVAS_HOSTS", "A.edu, b.edu:8443,", "canvas_hosts", ("a.edu", "b.edu:8443")),
        (
            "CANVAS_SYNC_CANVAS_HOSTS",
            "https://A.edu/,http://b.edu:8443/canvas",
            "canvas_hosts",
            ("a.edu", "b.edu:8443"),
        ),
        ("CANVAS_SYNC_STRICT", "yes", "strict", True),
        ("PROMETHEUS_MULTIPROC_DIR", "/m", "metrics_folder", Path("/m")),
        ("CANVAS_SYNC_STATE_DIR", "/s", "spool_folder", Path("/s/spool")),
    ],
)
def test_texts_become_values(name: str, raw: str, field: str, value: Any) -> None:
    assert getattr(read(Settings, {name: raw}), field) == value


@pytest.mark.parametrize(
    ("name", "raw", "hint"),
    [
        ("CANVAS_SYNC_ENABLED", "maybe", "use true or false"),
        ("CANVAS_SYNC_LOG_FORMAT", "xml", "use one of json, text"),
        ("CANVAS_SYNC_HEARTBEAT_SECONDS", "often", "use a number"),
        ("CANVAS_SYNC_HEARTBEAT_SECONDS", "nan", "use a number from 0.1 to 3600"),
        ("CANVAS_SYNC_LOG_DIR", "~no-such-user/logs", "the home folder in it cannot be found"),
        ("CANVAS_SYNC_EXIT_TIMEOUT_SECONDS", "61", "use a number from 0 to 60"),
    ],
)
def test_a_value_that_cannot_be_used_is_reported_with_those_that_can(
    name: str, raw: str, hint: str
) -> None:
    with pytest.raises(SettingsError, match=f"{name}: '{raw}' cannot be used: {hint}"):
        read(Settings, {name: raw})


def test_an_argument_may_be_text_as_in_the_environment() -> None:
    settings = read(Settings, {}, log_dir="logs", heartbeat_seconds="2.5", strict="yes")
    assert settings.log_dir == Path("logs")
    assert (settings.heartbeat_seconds, settings.strict) == (2.5, True)
    with pytest.raises(SettingsError, match="CANVAS_SYNC_HEARTBEAT_SECONDS: 'often'"):
        read(Settings, {}, heartbeat_seconds="often")


def test_an_unknown_argument_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"Unknown setting 'log_folder'. .*log_dir"):
        read(Settings, {}, log_folder="x")


def test_a_secret_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://sync:hunter2@db/canvas\n")
    settings = read(Settings, {"CANVAS_SYNC_DATABASE_URL_FILE": str(file)})
    assert settings.resolved_database_url == "postgresql://sync:hunter2@db/canvas"
    assert "hunter2" not in repr(settings)
    both = {"CANVAS_SYNC_DATABASE_URL": "sqlite:///x", "CANVAS_SYNC_DATABASE_URL_FILE": str(file)}
    assert read(Settings, both).database_url == "sqlite:///x"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"CANVAS_SYNC_DATABASE_URL_FILE names .*missing"):
        read(Settings, {"CANVAS_SYNC_DATABASE_URL_FILE": str(tmp_path / "missing")})


def test_only_a_secret_is_looked_for_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "format"
    file.write_text("text")
    assert read(Settings, {"CANVAS_SYNC_LOG_FORMAT_FILE": str(file)}).log_format == "json"


def test_the_configuration_of_an_app_overrides_the_environment() -> None:
    environ = {"CANVAS_SYNC_LOG_FORMAT": "text", "CANVAS_SYNC_STRICT": "true", "HOME": "/root"}
    config = {
        "CANVAS_SYNC_LOG_FORMAT": "json",
        "CANVAS_SYNC_STRICT": None,
        "CANVAS_SYNC_CANVAS_HOSTS": ["a.edu", "b.edu"],
        "CANVAS_SYNC_ENABLED": False,
        "SECRET_KEY": "the app's own",
    }
    assert with_app_config(environ, config, "/srv/app/instance") == {
        "CANVAS_SYNC_LOG_FORMAT": "json",
        "CANVAS_SYNC_STRICT": "true",
        "HOME": "/root",
        "CANVAS_SYNC_CANVAS_HOSTS": "a.edu,b.edu",
        "CANVAS_SYNC_ENABLED": "False",
    }


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("sqlite:///app.db", "sqlite:////srv/instance/app.db"),
        ("sqlite+pysqlite:///data/app.db", "sqlite+pysqlite:////srv/instance/data/app.db"),
        ("sqlite:////var/app.db", "sqlite:////var/app.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:///file:app.db?uri=true", "sqlite:///file:/srv/instance/app.db?uri=true"),
        ("sqlite:///file:/var/app.db?uri=true", "sqlite:///file:/var/app.db?uri=true"),
        ("sqlite://", "sqlite://"),
        ("postgresql://127.0.0.1/app", "postgresql://127.0.0.1/app"),
    ],
)
def test_a_relative_file_of_an_app_is_in_its_own_folder(url: str, meant: str) -> None:
    given = with_app_config({}, {"CANVAS_SYNC_DATABASE_URL": url}, "/srv/instance")
    assert given == {"CANVAS_SYNC_DATABASE_URL": meant}


def test_a_relative_file_of_the_environment_stays_as_it_is() -> None:
    environ = {"CANVAS_SYNC_DATABASE_URL": "sqlite:///app.db"}
    assert with_app_config(environ, {}, "/srv/instance") == environ


def test_every_setting_is_described_for_the_reference_page() -> None:
    described = describe(Settings)
    assert len(described) == len(dataclasses.fields(Settings))
    for entry in described:
        assert entry.env.startswith(("CANVAS_SYNC_", "PROMETHEUS_"))
        assert entry.help.endswith(".")
    assert {entry.env for entry in described if entry.secret} == {"CANVAS_SYNC_DATABASE_URL"}


def test_each_log_has_its_level_or_the_common_one() -> None:
    environ = {"CANVAS_SYNC_LOG_LEVEL": "warning", "CANVAS_SYNC_LOG_LEVEL_DATABASE": "OFF"}
    levels = read(Settings, environ).log_levels
    assert levels.pop(Log.DATABASE) is LogLevel.OFF
    assert set(levels.values()) == {LogLevel.WARNING}


def test_a_level_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(SettingsError, match="use one of DEBUG, INFO, WARNING, ERROR, OFF"):
        read(Settings, {"CANVAS_SYNC_LOG_LEVEL_ERRORS": "verbose"})
