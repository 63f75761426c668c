"""Finds in a crontab the lines that run a file of a project."""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path
from typing import Final

from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.schedules.cron import parse_cron

from .programs import ScheduledJob, find_program
from .shell import shell_words

__all__ = ["cron_jobs", "is_schedule", "is_zone", "read_crontab", "system_zone"]

_SECONDS: Final = 10
_VARIABLE: Final = re.compile(r"""\s*(["']?)([A-Za-z_]\w*)\1\s*=\s*(.*?)\s*""")
_UNESCAPED_PERCENT: Final = re.compile(r"(?<!\\)%")


def read_crontab() -> str:
    """Return the user's crontab; empty if there is none, or no cron."""
    try:
        done = subprocess.run(
            ["crontab", "-l"],  # noqa: S607 - as the user's own shell would find it
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.decode(errors="replace")


def system_zone(folder: Path = Path("/etc")) -> str:
    """Return the name of the machine's time zone, by which cron goes; UTC if it has none."""
    names = []
    with contextlib.suppress(OSError):
        names.append(str((folder / "localtime").readlink()).partition("zoneinfo/")[2])
    with contextlib.suppress(OSError, ValueError):
        names.append(read_regular_file(folder / "timezone").text.strip())
    return next(filter(is_zone, names), "UTC")


def cron_jobs(text: str, project: Path, home: Path, zone: str) -> list[ScheduledJob]:
    """Return the jobs that run a file of the project.

    Args:
        text: The crontab.
        project: The project, without symbolic links.
        home: Where commands start.
        zone: The time zone of the machine; a line ``CRON_TZ=`` sets another one.
    """
    found: list[ScheduledJob] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if variable := _VARIABLE.fullmatch(line):
            value = variable[3].strip("\"'")
            if variable[2] == "CRON_TZ" and is_zone(value):
                zone = value
            elif variable[2] == "HOME":
                home = Path(value)
            continue
        schedule, words = _split(line)
        program = find_program(words, home, project) if is_schedule(schedule) else None
        if program is not None:
            place = f"line {number} of the crontab"
            found.append(ScheduledJob(place, schedule, zone, program))
    return found


def _split(line: str) -> tuple[str, list[str]]:
    """Return the schedule and the words of the command, up to what cron passes as input."""
    count = 1 if line.lstrip().startswith("@") else 5
    parts = line.split(maxsplit=count)
    if len(parts) <= count:
        return "", []
    command = _UNESCAPED_PERCENT.split(parts[count])[0].replace(r"\%", "%")
    return " ".join(parts[:count]), shell_words(command)


def is_schedule(text: str) -> bool:
    """Return whether a cron expression is a time; ``@reboot`` is none."""
    try:
        parse_cron(text, time_zone("UTC"))
    except ValueError:
        return False
    return True


def is_zone(name: str) -> bool:
    """Return whether a time zone has this name."""
    try:
        time_zone(name)
    except ValueError:
        return False
    return bool(name)
