"""Which runs are due in the rest of a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import Engine

from canvas_sync_core.store.incidents.judges import judges
from canvas_sync_exporter.judge.expectation import Pause
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.judge.pauses import active_pauses
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.schedules.local_time import local_date, start_of_day
from canvas_sync_exporter.settings import Configuration

__all__ = ["DueToday", "describe_due", "read_due"]

_MOST_TIMES = 3
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DueToday:
    """When runs of a sync type are due in the rest of a day.

    Attributes:
        times: When they are due. For a learned rhythm, only the next time is known.
        paused_until: The end of the current pause; None if there is none.
    """

    times: tuple[datetime, ...] = ()
    paused_until: datetime | None = None


def read_due(
    engine: Engine,
    config: Configuration,
    last_starts: Mapping[str, datetime],
    now: datetime,
    zone: tzinfo,
) -> dict[str, DueToday]:
    """Return what is due from now to the end of the local day, for each sync type with a schedule.

    Args:
        engine: The database.
        config: The settings, with the configuration file.
        last_starts: When the newest run of each sync type started.
        now: The current time.
        zone: The time zone of the day.

    Raises:
        StorageError: The database lacks a table.
        SQLAlchemyError: The database is unreachable.
    """
    end = start_of_day(_next_date(now, zone), zone)
    pauses = [*config.file.pauses, *active_pauses(engine, now)]
    starts = {name: [start] for name, start in last_starts.items()}
    declared = {
        each.sync_type: tuple(each.schedule.due_between(now, end - timedelta(microseconds=1)))
        for each in Expectations(config).at(now, starts)
    }
    learned = {
        name: (due,) if now < due < end else ()
        for judge in judges(engine)
        if judge.is_live(now)
        for name, due in judge.next_due.items()
    }
    return {
        name: _without_pauses(name, times, pauses, now)
        for name, times in {**learned, **declared}.items()
    }


def describe_due(due: DueToday | None, now: datetime, formats: Formats) -> str:
    """Describe what is due, such as ``14:00`` or ``46 times, next at 12:15``."""
    if due is None:
        return "-"
    if due.paused_until is not None:
        return f"paused until {formats.brief_time(due.paused_until, now)}"
    if not due.times:
        return "no more today"
    if len(due.times) > _MOST_TIMES:
        return f"{formats.number(len(due.times))} times, next at {formats.clock(due.times[0])}"
    return ", ".join(map(formats.clock, due.times))


def _without_pauses(
    name: str, times: Sequence[datetime], pauses: Sequence[Pause], now: datetime
) -> DueToday:
    ends = [pause.end for pause in pauses if pause.covers(name, now)]
    expected = [time for time in times if not any(pause.covers(name, time) for pause in pauses)]
    return DueToday(tuple(expected), max(ends) if ends and not expected else None)


def _next_date(now: datetime, zone: tzinfo) -> date:
    return local_date(now, zone) + _DAY
