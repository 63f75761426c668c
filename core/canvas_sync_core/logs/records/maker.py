"""Turns events into log records with their human-readable lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from canvas_sync_core.events import Event

from .api import ApiRecords
from .common_fields import CommonFields, RecordRule
from .database import DatabaseRecords
from .run import RunRecords
from .upkeep import UpkeepRecords

__all__ = ["RecordMaker"]


class RecordMaker:
    """Turns events into records.

    Args:
        host: Name of this machine or container.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        rules: Event type -> how its events become records.
        detail_rules: Event type -> how its additional line at level ``DEBUG`` is made.
    """

    def __init__(self, host: str, zone: dt.tzinfo = dt.UTC) -> None:
        self._common = CommonFields(host, zone)
        api, database = ApiRecords(self._common), DatabaseRecords(self._common)
        run, upkeep = RunRecords(self._common), UpkeepRecords(self._common)
        self.rules: Mapping[type[Event], RecordRule] = {
            **run.rules,
            **api.rules,
            **database.rules,
            **upkeep.rules,
        }
        self.detail_rules: Mapping[type[Event], RecordRule] = {
            **api.detail_rules,
            **database.detail_rules,
        }

    def after_fork_in_child(self) -> None:
        """Write the child's process id from now on."""
        self._common.after_fork_in_child()
