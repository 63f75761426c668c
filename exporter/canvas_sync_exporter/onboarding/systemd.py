"""Finds the timers of systemd that run a file of a project."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from canvas_sync_core.files.regular_file import read_regular_file

from .crontab import is_schedule, is_zone
from .programs import ScheduledJob, find_program
from .shell import shell_words

__all__ = ["cron_of", "timer_jobs", "unit_folders"]

_MOST_TIMERS: Final = 1000
_ROOT: Final = Path("/")
_NICKNAMES: Final = {
    "minutely": "* * * * *",
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "weekly": "0 0 * * 1",
    "monthly": "0 0 1 * *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "semiannually": "0 0 1 1,7 *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERS: Final = r"[\d*,./]+"
_CALENDAR: Final = re.compile(
    r"(?:(?P<days>[A-Za-z]{3}[A-Za-z.,]*)(?:\s+|$))?"
    rf"(?:\*-(?P<month>{_NUMBERS})-(?P<day>{_NUMBERS})(?:\s+|$))?"
    rf"(?:(?P<hour>{_NUMBERS}):(?P<minute>{_NUMBERS})(?::00?)?)?"
)
_NUMBER: Final = re.compile(
    r"(?P<first>\*|\d{1,2})(?:\.\.(?P<last>\d{1,2}))?(?:/(?P<step>\d{1,2}))?"
)
_EXEC_PREFIXES: Final = "@-:+!|"

_Unit = dict[tuple[str, str], list[str]]
"""Section and key -> the values."""


def unit_folders(home: Path) -> list[Path]:
    """Return where a user and an administrator put their own units."""
    system = Path("/etc/systemd")
    return [home / ".config/systemd/user", system / "user", system / "system"]


def timer_jobs(folders: Sequence[Path], project: Path, home: Path, zone: str) -> list[ScheduledJob]:
    """Return the jobs that run a file of the project, one for each ``OnCalendar=`` of a timer.

    Args:
        folders: Where the units are; of units with the same name, the first one counts.
        project: The project, without symbolic links.
        home: The user's home folder.
        zone: The time zone of the machine; ``OnCalendar=`` may name another one.
    """
    found: list[ScheduledJob] = []
    seen: set[str] = set()
    for path in _timers(folders):
        if path.name in seen:
            continue
        seen.add(path.name)
        timer = _read_unit(path, home)
        service = timer.get(("Timer", "Unit"), [f"{path.stem}.service"])[-1]
        unit = _read_unit(_first(folders, service), home)
        folder = Path(unit.get(("Service", "WorkingDirectory"), ["/"])[-1].lstrip("-") or "/")
        folder = home if str(folder) == "~" else folder
        commands = unit.get(("Service", "ExecStart"), [])
        lines = (shell_words(line.lstrip(_EXEC_PREFIXES)) for line in commands)
        programs = (find_program(words, _ROOT / folder, project) for words in lines)
        program = next(filter(None, programs), None)
        if program is None:
            continue
        for calendar in timer.get(("Timer", "OnCalendar"), [""]):
            schedule, own_zone = cron_of(calendar)
            found.append(
                ScheduledJob(service, schedule, own_zone or zone, program, scheduler="systemd")
            )
    return found


def cron_of(calendar: str) -> tuple[str, str]:
    """Return ``OnCalendar=`` as a cron expression and its time zone; each is empty if unknown.

    https://www.freedesktop.org/software/systemd/man/latest/systemd.time.html#Calendar%20Events
    """
    text, zone = calendar.strip(), ""
    words = text.split()
    if len(words) > 1 and is_zone(words[-1]):
        text, zone = " ".join(words[:-1]), words[-1]
    if nickname := _NICKNAMES.get(text.lower()):
        return nickname, zone
    match = _CALENDAR.fullmatch(text)
    if match is None or not text:
        return "", zone
    day, month = match["day"] or "*", match["month"] or "*"
    days = _days(match["days"]) if match["days"] else "*"
    if days != "*" and day != "*":
        return "", zone  # systemd means both of them, cron either
    numbers = [
        _numbers(match["minute"] or "0", 59),
        _numbers(match["hour"] or "0", 23),
        _numbers(day, 31),
        _numbers(month, 12),
    ]
    cron = " ".join([*numbers, days])
    return cron if is_schedule(cron) else "", zone


def _numbers(text: str, largest: int) -> str:
    """Return the numbers of one unit of time as cron has them; empty if that is not possible."""
    parts = [_NUMBER.fullmatch(part) for part in text.split(",")]
    return ",".join(_range(part, largest) if part else "" for part in parts)


def _range(part: re.Match[str], largest: int) -> str:
    first = part["first"] if part["first"] == "*" else str(int(part["first"]))
    last = int(part["last"]) if part["last"] else largest
    step = f"/{int(part['step'])}" if part["step"] else ""
    if first == "*" or not (part["last"] or step):
        return f"{first}{step}"
    return f"{first}-{last}{step}"


def _days(text: str) -> str:
    """Return days of the week as cron has them; empty if a name is unknown."""
    ranges = []
    for part in text.rstrip(",").lower().split(","):
        names = [name[:3] for name in part.split("..")]
        if any(name not in _DAYS for name in names):
            return ""
        ranges.append("-".join(str(_DAYS.index(name) + 1) for name in names))
    return ",".join(ranges)


def _timers(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        with contextlib.suppress(OSError):
            yield from islice(sorted(folder.glob("*.timer")), _MOST_TIMERS)


def _first(folders: Sequence[Path], name: str) -> Path:
    """Return the path of a unit, if any folder has it."""
    paths = [folder / Path(name).name for folder in folders]
    return next((path for path in paths if path.is_file()), paths[0])


def _read_unit(path: Path, home: Path) -> _Unit:
    """Read a unit file; an empty value removes the earlier ones, as systemd has it."""
    unit: _Unit = {}
    try:
        text = read_regular_file(path).text
    except (OSError, ValueError):
        return unit
    section = ""
    for line in map(str.strip, re.sub(r"\\\n[ \t]*", " ", text).splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and line[0] not in "#;":
            key, _, value = line.partition("=")
            value = value.strip().replace("%h", str(home)).replace("%%", "%")
            values = unit.setdefault((section, key.strip()), [])
            if value:
                values.append(value)
            else:
                values.clear()
    return {key: values for key, values in unit.items() if values}
