"""The exporters that judge, and when each last did so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Engine, delete, select

from canvas_sync_core.store.conflicts import insert_on
from canvas_sync_core.store.database import connect_to_read

from .reading import explain_missing_tables
from .tables import judges_table

__all__ = ["LIVE_FOR", "JudgeRow", "judges", "note_judging"]

LIVE_FOR: Final = timedelta(minutes=3)
"""A judge counts as stopped if it has not judged for this long."""
_REMEMBERED_FOR: Final = timedelta(days=7)
_columns = judges_table.c


@dataclass(frozen=True, slots=True)
class JudgeRow:
    """An exporter that judges.

    Attributes:
        name: Its host and the folder of its state.
        problem: What it could not judge when it last did; None if it judged everything.
        next_due: When the next run of each sync type is due; types without one are left out.
    """

    name: str
    judged_at: datetime
    problem: str | None = None
    next_due: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The host that it judges on."""
        return self.name.partition(":")[0]

    def is_live(self, now: datetime) -> bool:
        """Return whether it still judges; its host's clock may be ahead of ours."""
        return abs(now - self.judged_at) <= LIVE_FOR


def note_judging(engine: Engine, judge: JudgeRow) -> None:
    """Note that an exporter has judged, and forget those that stopped long ago.

    Raises:
        StorageError: The database has no such table.
        SQLAlchemyError: The database is unreachable, or its role may not write it.
    """
    row = {
        "name": judge.name,
        "judged_at": judge.judged_at,
        "problem": judge.problem,
        "next_due": {name: due.isoformat() for name, due in judge.next_due.items()},
    }
    locked = engine.execution_options(canvas_sync_immediate=True)
    with explain_missing_tables(engine), locked.begin() as connection:
        connection.execute(_upsert(engine.dialect.name), row)
        long_ago = _columns.judged_at < judge.judged_at - _REMEMBERED_FOR
        connection.execute(delete(judges_table).where(long_ago))


def judges(engine: Engine) -> list[JudgeRow]:
    """Return the exporters that judge or did so in the last days, by name.

    Raises:
        StorageError: The database has no such table.
    """
    with explain_missing_tables(engine), connect_to_read(engine) as connection:
        rows = connection.execute(select(judges_table).order_by(_columns.name)).all()
    return [JudgeRow(row.name, row.judged_at, row.problem, _times(row.next_due)) for row in rows]


def _times(stored: Mapping[str, Any]) -> dict[str, datetime]:
    """Parse stored times, skipping anything that is not a time because someone edited it."""
    times = {}
    for name, text in stored.items():
        try:
            time = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            continue
        if time.tzinfo is not None:
            times[name] = time
    return times


@cache
def _upsert(dialect: str) -> Any:
    insert = insert_on(dialect, judges_table)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["name"],
        set_={"judged_at": new.judged_at, "problem": new.problem, "next_due": new.next_due},
    )
