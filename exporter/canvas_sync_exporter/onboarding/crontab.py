"""Finds in a crontab the lines that run a file of a project."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.schedules.cron import parse_cron

from .shell import all_commands, inner_line, shell_words, split_commands

__all__ = ["CronJob", "cron_jobs", "home_folder", "read_crontab", "system_zone"]

_SECONDS: Final = 10
_VARIABLE: Final = re.compile(r"""\s*(["']?)([A-Za-z_]\w*)\1\s*=\s*(.*?)\s*""")
_UNESCAPED_PERCENT: Final = re.compile(r"(?<!\\)%")
_SCRIPTS: Final = frozenset({".py", ".sh"})
_MORE: Final = " …"
"""Stands for arguments, which may hold a secret."""
_Program = tuple[str, Path | None]
_INTERPRETER: Final = re.compile(r"(python[\d.]*|sh|bash|flask)")


@dataclass(frozen=True, slots=True)
class CronJob:
    """A line of a crontab that runs a file of the project.

    Attributes:
        line: Its number.
        schedule: The cron expression, or a nickname such as ``@daily``.
        zone: The time zone of the schedule.
        command: Interpreter and file, with ``…`` where arguments are left out.
        script: The file, relative to the project; None for a command such as ``flask``.
        is_wrapped: Whether it uses ``canvas-sync-monitor run`` already.
        sync_type: The one that it then names.
    """

    line: int
    schedule: str
    zone: str
    command: str
    script: Path | None
    is_wrapped: bool = False
    sync_type: str | None = None


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


def home_folder() -> Path:
    """Return the user's home folder; the root if it has none, as in a container."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises an error without one
    return Path(home if os.path.isabs(home) else "/")  # noqa: PTH117 - as above


def system_zone(folder: Path = Path("/etc")) -> str:
    """Return the name of the machine's time zone, by which cron goes; UTC if it has none."""
    names = []
    with contextlib.suppress(OSError):
        names.append(str((folder / "localtime").readlink()).partition("zoneinfo/")[2])
    with contextlib.suppress(OSError, ValueError):
        names.append(read_regular_file(folder / "timezone").text.strip())
    return next(filter(_is_zone, names), "UTC")


def cron_jobs(text: str, project: Path, home: Path, zone: str) -> list[CronJob]:
    """Return the jobs that run a file of the project.

    Args:
        text: The crontab.
        project: The project, without symbolic links.
        home: Where commands start.
        zone: The time zone of the machine; a line ``CRON_TZ=`` sets another one.
    """
    found: list[CronJob] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if variable := _VARIABLE.fullmatch(line):
            value = variable[3].strip("\"'")
            if variable[2] == "CRON_TZ" and _is_zone(value):
                zone = value
            elif variable[2] == "HOME":
                home = Path(value)
            continue
        schedule, words = _split(line)
        program = _program(words, home, project) if _is_schedule(schedule) else None
        if program is not None:
            found.append(_job(number, schedule, zone, words, program))
    return found


def _split(line: str) -> tuple[str, list[str]]:
    """Return the schedule and the words of the command, up to what cron passes as input."""
    count = 1 if line.lstrip().startswith("@") else 5
    parts = line.split(maxsplit=count)
    if len(parts) <= count:
        return "", []
    command = _UNESCAPED_PERCENT.split(parts[count])[0].replace(r"\%", "%")
    return " ".join(parts[:count]), shell_words(command)


def _job(line: int, schedule: str, zone: str, words: Sequence[str], found: _Program) -> CronJob:
    command, script = found
    every_word = [word for each in all_commands(words) for word in each]
    is_wrapped = any(Path(word).name == DISTRIBUTION for word in every_word)
    return CronJob(
        line=line,
        schedule=schedule,
        zone=zone,
        command=command,
        script=script,
        is_wrapped=is_wrapped,
        sync_type=_value_of("--sync-type", every_word) if is_wrapped else None,
    )


def _program(words: Sequence[str], folder: Path, project: Path) -> _Program | None:
    """Return what a line runs, and the file of the project; None if it runs none of it."""
    for command in map(_unwrapped, split_commands(words)):
        if command[0] == "cd" and len(command) > 1:
            folder = _path(folder, command[1])
            continue
        line = inner_line(command)
        found = _program(shell_words(line), folder, project) if line else None
        found = found or _program_of(command, folder, project)
        if found:
            return found
    return None


def _unwrapped(command: Sequence[str]) -> Sequence[str]:
    """Return what ``canvas-sync-monitor run`` runs, or any other command as it is."""
    if Path(command[0]).name != DISTRIBUTION or "--" not in command[:-1]:
        return command
    return command[command.index("--") + 1 :]


def _program_of(command: Sequence[str], folder: Path, project: Path) -> _Program | None:
    """Return the same for one command of a line."""
    if Path(command[0]).name == "flask" and folder.is_relative_to(project):
        return f"flask{_MORE}", None
    for place, word in enumerate(command):
        before = command[place - 1] if place else ""
        if before == "-m":
            inside = word.replace(".", "/")
            paths = [_path(folder, f"{inside}.py"), _path(folder, f"{inside}/__main__.py")]
            shown = f"python -m {word}"
        elif place == 0 or Path(word).suffix in _SCRIPTS:
            paths = [_path(folder, word)]
            shown = f"{_interpreter(command[:place])}{shlex.quote(Path(word).name)}"
        else:
            continue
        for path in paths:
            if path.is_relative_to(project) and _is_own(path.relative_to(project), project):
                more = _MORE if command[place + 1 :] else ""
                return f"{shown}{more}", path.relative_to(project)
    return None


def _interpreter(words: Sequence[str]) -> str:
    """Return the last interpreter before a file; its options stay unnamed."""
    for place in reversed(range(len(words))):
        name = Path(words[place]).name
        if _INTERPRETER.fullmatch(name):
            return f"{name} " if place == len(words) - 1 else f"{name}{_MORE} "
    return ""


def _is_own(path: Path, project: Path) -> bool:
    """Whether it is a file of the project itself, not of a virtual environment in it."""
    folders = [project.joinpath(*path.parts[:end]) for end in range(1, len(path.parts))]
    if any(each.name.startswith(".") or os.path.lexists(each / "pyvenv.cfg") for each in folders):
        return False
    try:
        return (project / path).is_file()
    except OSError:  # a name that is too long, a folder that may not be entered
        return False


def _path(folder: Path, word: str) -> Path:
    home = str(home_folder())
    word = re.sub(r"^(~|\$HOME|\$\{HOME\})(?=/|$)", lambda _: home, word)
    return Path(os.path.realpath(folder / word))


def _value_of(option: str, words: Sequence[str]) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == option and following:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _is_schedule(text: str) -> bool:
    """Whether it is a time; ``@reboot`` is none."""
    try:
        parse_cron(text, time_zone("UTC"))
    except ValueError:
        return False
    return True


def _is_zone(name: str) -> bool:
    try:
        time_zone(name)
    except ValueError:
        return False
    return bool(name)
