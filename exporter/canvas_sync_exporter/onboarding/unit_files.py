"""Reads units as systemd does: templates and their instances, drop-ins, specifiers, environment.

https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from canvas_sync_core.files.regular_file import read_regular_file

from .env_files import read_env_file

__all__ = ["Unit", "UnitFolders", "unit_environment", "unit_folders"]

_MOST_FILES: Final = 1000
_ROOT: Final = Path("/")
_SYSTEM_HOME: Final = Path("/root")
_CONTINUED: Final = re.compile(r"\\\n[ \t]*")
_SPECIFIER: Final = re.compile(r"%(.)")
_ESCAPE: Final = re.compile(r"-|\\x([0-9a-f]{2})")

Unit = Mapping[tuple[str, str], list[str]]
"""Section and key -> the values."""


@dataclass(frozen=True, slots=True)
class UnitFolders:
    """Where a manager, that of the system or that of a user, finds its units.

    Attributes:
        folders: The folders; of files with the same name, the first one counts.
        home: The home folder of the user that the manager runs as.
    """

    folders: tuple[Path, ...]
    home: Path

    def timers(self) -> list[str]:
        """Return the names of all timers; of templates, those of the instances that are enabled."""
        patterns = ("*.timer", "*.wants/*@*.timer")
        names = {path.name for each in patterns for path in self._glob(each)}
        return sorted(name for name in names if not name.endswith("@.timer"))

    def read(self, name: str) -> Unit:
        """Return a unit with its drop-ins; without values if there is none, or it is masked."""
        main = self._first(name) or self._first(_template(name))
        if main is None:
            return {}
        unit: dict[tuple[str, str], list[str]] = {}
        for path in (main, *self._drop_ins(name)):
            _add(unit, path, _specifiers(name, self.home))
        return {key: values for key, values in unit.items() if values}

    def _first(self, name: str) -> Path | None:
        paths = (folder / Path(name).name for folder in self.folders if name)
        return next(filter(os.path.lexists, paths), None)

    def _drop_ins(self, name: str) -> list[Path]:
        """Return the drop-ins in the order in which they apply: by their names."""
        by_name: dict[str, Path] = {}
        for folder in _drop_in_folders(name):
            for path in self._glob(f"{folder}/*.conf"):
                by_name.setdefault(path.name, path)
        return [by_name[each] for each in sorted(by_name)]

    def _glob(self, pattern: str) -> Iterator[Path]:
        for folder in self.folders:
            with contextlib.suppress(OSError):
                yield from islice(folder.glob(pattern), _MOST_FILES)


def unit_folders(home: Path, environ: Mapping[str, str]) -> list[UnitFolders]:
    """Return where systemd looks for the units of a user, and for those of the system."""
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    shared = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
    of_user = [Path(each, "user") for each in shared]
    of_user.insert(2, data / "systemd/user")
    return [
        UnitFolders((config / "systemd/user", *of_user), home),
        UnitFolders(tuple(Path(each, "system") for each in shared), _SYSTEM_HOME),
    ]


def unit_environment(unit: Unit) -> dict[str, str]:
    """Return the variables that a service sets, as far as its files can be read.

    They may be secrets: nothing of them belongs into any output.
    """
    words = chain.from_iterable(map(_words, unit.get(("Service", "Environment"), ())))
    environ = dict(word.split("=", 1) for word in words if "=" in word)
    for pattern in unit.get(("Service", "EnvironmentFile"), ()):
        for path in sorted(_ROOT.glob(pattern.lstrip("-").lstrip("/"))):
            environ |= read_env_file(path)
    return environ


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _template(name: str) -> str:
    """Return the template of an instance, as ``sync@.service`` of ``sync@courses.service``."""
    prefix, at, _ = name.partition("@")
    return f"{prefix}@{Path(name).suffix}" if at else ""


def _drop_in_folders(name: str) -> Iterator[str]:
    """Yield the folders of a unit's drop-ins, the one for this unit alone first."""
    stem, suffix = Path(name).stem, Path(name).suffix
    for each in filter(None, (name, _template(name))):
        yield f"{each}.d"
    for dash in reversed([found.end() for found in re.finditer("-", stem.partition("@")[0])]):
        yield f"{stem[:dash]}{suffix}.d"
    yield f"{suffix[1:]}.d"


def _specifiers(name: str, home: Path) -> dict[str, str]:
    stem = Path(name).stem
    prefix, _, instance = stem.partition("@")
    return {
        "%": "%",
        "h": str(home),
        "n": name,
        "N": stem,
        "p": prefix,
        "P": _unescaped(prefix),
        "i": instance,
        "I": _unescaped(instance),
    }


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else "/", text)


def _add(unit: dict[tuple[str, str], list[str]], path: Path, specifiers: Mapping[str, str]) -> None:
    """Add the values of a file; an empty value removes the earlier ones."""
    try:
        text = read_regular_file(path).text
    except (OSError, ValueError):
        return
    section = ""
    for line in map(str.strip, _CONTINUED.sub(" ", text).splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and line[0] not in "#;":
            key, _, value = line.partition("=")
            value = _SPECIFIER.sub(lambda found: specifiers.get(found[1], found[0]), value.strip())
            values = unit.setdefault((section, key.strip()), [])
            if value:
                values.append(value)
            else:
                values.clear()
