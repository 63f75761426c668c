"""Cron expressions in a time zone.

DST changes are handled like in Debian's cron: a job at a fixed time that is skipped runs right
after the change, and one whose time occurs twice runs only the first time. Jobs with ``*`` in the
minute or hour field follow the clock. The package cronsim implements these rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice, takewhile
from typing import Final

__all__ = ["CronSchedule", "parse_cron"]

_NICKNAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_HINT: Final = (
    'write five fields, minute hour day month weekday, such as "0 2 * * *" for every day at 02:00'
)
_ANY_TIME: Final = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """A schedule given by a cron expression.

    Attributes:
        expression: Five fields, validated by :func:`parse_cron`.
        zone: The time zone of the expression.
    """

    expression: str
    zone: tzinfo

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first."""
        return list(takewhile(lambda due: due <= until, self._after(after)))

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first due time after ``after``; None if there is none within 50 years."""
        return next(self._after(after), None)

    def describe(self) -> str:
        """Describe the schedule in words."""
        from cronsim import CronSim  # noqa: PLC0415 - needs the exporter extra

        words = CronSim(self.expression, _ANY_TIME).explain()
        return f"{words[0].lower()}{words[1:]} ({self.zone})"

    def _after(self, after: datetime) -> Iterator[datetime]:
        from cronsim import CronSim  # noqa: PLC0415 - needs the exporter extra

        last = after
        for local in CronSim(self.expression, after.astimezone(self.zone)):
            due = local.astimezone(UTC)
            # cronsim returns fixed times again in a repeated hour, and maps all times in a skipped
            # hour to the same one.
            if due > last:
                yield due
                last = due


def parse_cron(text: str, zone: tzinfo) -> CronSchedule:
    """Read a cron expression, or a nickname such as ``@daily``.

    Raises:
        ValueError: The text is not a cron expression, or it never fires; the message says what to
            write.
    """
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - needs the exporter extra

    words = text.split()
    expression = " ".join(words)
    if expression.startswith("@"):
        if expression not in _NICKNAMES:
            raise ValueError(f"write one of {', '.join(_NICKNAMES)}, or {_HINT}")
        expression = _NICKNAMES[expression]
    elif len(words) != 5:
        raise ValueError(f"it has {len(words)} fields; {_HINT}")
    try:
        simulation = CronSim(expression, _ANY_TIME)
    except CronSimError as error:
        raise ValueError(f"{_reason(expression, str(error))}; {_HINT}") from None
    if not list(islice(simulation, 1)):
        raise ValueError(f"it never fires: no such date exists; {_HINT}")
    return CronSchedule(expression, zone)


def _reason(expression: str, message: str) -> str:
    """Return what is wrong; cronsim reports an impossible date as a bad day-of-month."""
    day, month = expression.split()[2:4]
    if message == "Bad day-of-month" and day.isdigit() and 1 <= int(day) <= 31:
        return f"it never fires: month {month} has no day {day}"
    return message[0].lower() + message[1:]
