"""Turns events into log records with their human-readable lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from canvas_sync_core.events import Event

from .api import ApiRecords
from .database import DatabaseRecords
from .heads import Heads, Maker
from .run import RunRecords
from .upkeep import UpkeepRecords

__all__ = ["RecordMaker"]


class RecordMaker:
    """Turns events into records.

    Args:
        host: Name of this machine or container.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        makers: Event type -> how its events become records.
        details: Event type -> how its additional line at level ``DEBUG`` is made.
    """

    def __init__(self, host: str, zone: dt.tzinfo = dt.UTC) -> None:
        self._heads = Heads(host, zone)
        api, database = ApiRecords(self._heads), DatabaseRecords(self._heads)
        run, upkeep = RunRecords(self._heads), UpkeepRecords(self._heads)
        self.makers: Mapping[type[Event], Maker] = {
            **run.makers,
            **api.makers,
            **database.makers,
            **upkeep.makers,
        }
        self.details: Mapping[type[Event], Maker] = {**api.details, **database.details}

    def after_fork_in_child(self) -> None:
        """Write the child's process id from now on."""
        self._heads.after_fork_in_child()
