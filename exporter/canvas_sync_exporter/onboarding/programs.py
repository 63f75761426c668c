"""Finds the file of a project that a command runs."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from canvas_sync_core.names import DISTRIBUTION

from .shell import all_commands, inner_line, shell_words, split_commands

__all__ = ["Program", "ScheduledJob", "find_program", "home_folder"]

_SCRIPTS: Final = frozenset({".py", ".sh"})
_MORE: Final = " …"
"""Stands for arguments, which may hold a secret."""
_INTERPRETER: Final = re.compile(r"(python[\d.]*|sh|bash|flask)")
_Found = tuple[str, Path | None]


@dataclass(frozen=True, slots=True)
class Program:
    """What a command runs of a project.

    Attributes:
        command: Interpreter and file, with ``…`` where arguments are left out.
        script: The file, relative to the project; None for a command such as ``flask``.
        is_wrapped: Whether it uses ``canvas-sync-monitor run`` already.
        sync_type: The one that it then names.
    """

    command: str
    script: Path | None
    is_wrapped: bool = False
    sync_type: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """What starts a program of the project again and again.

    Attributes:
        place: Where its command is, such as ``line 2 of the crontab``.
        schedule: The cron expression, or a nickname such as ``@daily``; empty if it is not known.
        zone: The time zone of the schedule.
        program: What it runs.
        scheduler: ``cron`` or ``systemd``.
        environ: The variables that a service of systemd sets for it, with its secrets.
    """

    place: str
    schedule: str
    zone: str
    program: Program
    scheduler: str = "cron"
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def command(self) -> str:
        """The command of its program."""
        return self.program.command

    @property
    def script(self) -> Path | None:
        """The file of its program."""
        return self.program.script


def find_program(words: Sequence[str], folder: Path, project: Path) -> Program | None:
    """Return what a line of shell runs of a project; None if it runs none of it.

    Args:
        words: The words and operators of the line.
        folder: Where it starts.
        project: The project, without symbolic links.
    """
    found = _program(words, folder, project)
    if found is None:
        return None
    every_word = [word for command in all_commands(words) for word in command]
    is_wrapped = any(Path(word).name == DISTRIBUTION for word in every_word)
    sync_type = _value_of("--sync-type", every_word) if is_wrapped else None
    return Program(*found, is_wrapped, sync_type)


def home_folder() -> Path:
    """Return the user's home folder; the root if it has none, as in a container."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises an error without one
    return Path(home if os.path.isabs(home) else "/")  # noqa: PTH117 - as above


def _program(words: Sequence[str], folder: Path, project: Path) -> _Found | None:
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


def _program_of(command: Sequence[str], folder: Path, project: Path) -> _Found | None:
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
