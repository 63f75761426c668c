"""The units: they start what exists, write where the settings say, and may do little else."""

from __future__ import annotations

import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest

from canvas_sync_core.settings import Settings, describe
from canvas_sync_exporter.command_line import make_parser
from canvas_sync_exporter.settings import ExporterSettings
from support.prometheus import DEPLOY

FOLDER = DEPLOY / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
PROGRAM = "/opt/canvas-sync-monitor/bin/canvas-sync-monitor"
by_name = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)


def unit(path: Path) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
    parser.read(path, encoding="utf-8")
    return parser


def settings() -> dict[str, str]:
    """The settings of the environment file, also those that are commented out."""
    lines = (FOLDER / "environment").read_text().splitlines()
    pairs = [line.lstrip("#").partition("=") for line in lines if "=" in line and ": " not in line]
    return {name: value for name, _, value in pairs}


@by_name
def test_its_commands_are_understood(path: Path) -> None:
    service = unit(path)["Service"]
    commands = [service[name] for name in ("ExecStartPre", "ExecStart") if name in service]
    for command in commands:
        program, *words = shlex.split(command.lstrip("-"))
        assert program == PROGRAM
        make_parser().parse_args(words)


@by_name
def test_it_runs_as_the_user_of_the_syncs_with_the_settings_of_the_environment_file(
    path: Path,
) -> None:
    service = unit(path)["Service"]
    assert (service["User"], service["Group"]) == ("canvas-sync", "canvas-sync")
    assert service["EnvironmentFile"] == "/etc/canvas-sync-monitor/environment"
    assert settings()["CANVAS_SYNC_LOG_DIR"] == f"/var/log/{service['LogsDirectory']}"


def test_each_setting_of_the_environment_file_exists() -> None:
    known = {one.env for cls in (Settings, ExporterSettings) for one in describe(cls)}

    assert len(settings()) > 4
    assert {
        name
        for name in settings()
        if name.removesuffix("_FILE") not in known | {each.removesuffix("_FILE") for each in known}
    } == set()


def test_the_exporter_reloads_its_settings_and_is_started_again() -> None:
    service = unit(FOLDER / "canvas-sync-monitor.service")["Service"]

    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Restart"] == "on-failure"


def test_a_database_that_is_away_does_not_keep_the_exporter_from_serving() -> None:
    service = unit(FOLDER / "canvas-sync-monitor.service")["Service"]

    assert service["ExecStartPre"].startswith("-")


def test_the_exporter_has_no_privileges() -> None:
    service = unit(FOLDER / "canvas-sync-monitor.service")["Service"]

    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    for name in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "PrivateUsers", "ProtectHome"):
        assert service[name] == "yes", name


def test_the_timer_starts_the_sync_and_makes_up_for_missed_starts() -> None:
    timer = unit(FOLDER / "canvas-sync-nightly.timer")["Timer"]

    assert (FOLDER / "canvas-sync-nightly.service").exists()
    assert timer["Persistent"] == "yes"
    service = unit(FOLDER / "canvas-sync-nightly.service")["Service"]
    assert service["SuccessExitStatus"] == "75"  # of a run that --no-overlap did not start
