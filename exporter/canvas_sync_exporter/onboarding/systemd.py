"""Finds the timers of systemd that run a file of a project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .crontab import is_schedule, is_zone
from .programs import ScheduledJob, find_program
from .shell import expand, shell_words
from .unit_files import UnitFolders, unit_environment

__all__ = ["cron_of", "timer_jobs"]

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


def timer_jobs(units: UnitFolders, project: Path, home: Path, zone: str) -> list[ScheduledJob]:
    """Return the jobs that run a file of the project, one for each ``OnCalendar=`` of a timer.

    Args:
        units: Where the units are.
        project: The project, without symbolic links.
        home: The home folder of the user that the services run as.
        zone: The time zone of the machine; ``OnCalendar=`` may name another one.
    """
    found: list[ScheduledJob] = []
    for name in units.timers():
        timer = units.read(name)
        service = timer.get(("Timer", "Unit"), [f"{name.removesuffix('.timer')}.service"])[-1]
        unit = units.read(service)
        environ = unit_environment(unit)
        folder = Path(unit.get(("Service", "WorkingDirectory"), ["/"])[-1].lstrip("-") or "/")
        folder = home if str(folder) == "~" else folder
        commands = unit.get(("Service", "ExecStart"), [])
        lines = (expand(shell_words(line.lstrip(_EXEC_PREFIXES)), environ) for line in commands)
        programs = (find_program(words, _ROOT / folder, project) for words in lines)
        program = next(filter(None, programs), None)
        if program is None:
            continue
        for calendar in timer.get(("Timer", "OnCalendar"), [""]):
            schedule, own_zone = cron_of(calendar)
            found.append(
                ScheduledJob(
                    place=service,
                    schedule=schedule,
                    zone=own_zone or zone,
                    program=program,
                    scheduler="systemd",
                    environ=environ,
                )
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
