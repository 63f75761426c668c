"""Everything that sends the messages of an exporter, built from its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.reading import count_messages
from canvas_sync_core.store.messages.writing import delete_messages, give_up_elsewhere
from canvas_sync_exporter.judge.pauses import all_pauses_since
from canvas_sync_exporter.settings import Configuration

from .channel import Channel
from .delivery import Delivery
from .formats import Formats
from .incident_content import IncidentWriter
from .local_outbox import LocalOutbox
from .planner import Planner
from .report_planner import ReportPlanner
from .reports.report import make_report

__all__ = ["Messenger"]

_FILE: Final = "messages.sqlite3"
_KEPT_FOR: Final = timedelta(days=400)
_PATIENCE: Final = timedelta(days=1)
"""How long messages wait for another exporter with the same database to know their destination."""
_REMOVED: Final = "no exporter has this destination in its configuration file any more"
_UPKEEP_INTERVAL: Final = timedelta(minutes=1)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Messenger:
    """Plans and sends messages.

    Args:
        config: The settings, with the configuration file.
        database: The database with incidents and outbox.
        channels: Where messages go; each has a section of the configuration file.
        in_memory: Returns the open incidents that the judge of this exporter knows.
        now: Returns the time, in UTC.
    """

    def __init__(
        self,
        config: Configuration,
        database: Engine,
        channels: Iterable[Channel],
        *,
        in_memory: Callable[[], Iterable[Incident]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        settings = config.file.messages
        self._database = database
        self._now = now
        self._sends_incidents = settings.incidents
        self._local = LocalOutbox(config.app.state_folder.absolute() / _FILE)
        self._counts: Mapping[tuple[str, MessageState], int] = {}
        self._counted_at = _NEVER

        def is_quiet(time: datetime) -> bool:
            return settings.quiet_hours is not None and settings.quiet_hours.cover(time)

        self._is_quiet = is_quiet
        audiences = {each.name: each.audience for each in settings.channels}
        formats = Formats(settings.locale, settings.zone or config.app.timezone)
        self._planner = Planner(
            database,
            self._local,
            audiences,
            writer=IncidentWriter(formats, config.file.links),
            in_memory=in_memory,
            pauses=lambda since: all_pauses_since(config.file.pauses, database, since),
            is_quiet=is_quiet,
            now=now,
        )
        self._report_planner = ReportPlanner(
            database,
            config.reports,
            audiences,
            lambda request, time: make_report(request, database, config, time),
        )
        self.deliveries = {
            each.name: Delivery(each, database, self._local, is_quiet, now) for each in channels
        }

    @property
    def counts(self) -> dict[tuple[str, MessageState], int]:
        """The number of messages by channel and state, as last read; 0 for every other one."""
        zeros = {(name, state): 0 for name in self.deliveries for state in MessageState}
        return {**zeros, **self._counts}

    def plan(self) -> None:
        """Add the messages that are missing to the outbox.

        Raises:
            Exception: A report could not be made.
            SQLAlchemyError, StorageError: The database is unreachable; messages about critical
                incidents were added to a local outbox.
        """
        if self._sends_incidents:
            self._planner.plan()
        self._do_upkeep()
        now = self._now()
        if not self._is_quiet(now):  # a report of a quiet day is not worth sending later
            self._report_planner.plan(now)

    def stop(self) -> None:
        """Send nothing after the messages that are being sent."""
        for delivery in self.deliveries.values():
            delivery.stop()

    def dispose(self) -> None:
        """Close the local outbox."""
        self._local.dispose()

    def _do_upkeep(self) -> None:
        """Count messages and remove those that are no longer needed, from time to time."""
        now = self._now()
        if now - self._counted_at < _UPKEEP_INTERVAL:
            return
        delete_messages(self._database, now - _KEPT_FOR)
        give_up_elsewhere(self._database, set(self.deliveries), now - _PATIENCE, _REMOVED)
        self._counts = count_messages(self._database)
        self._counted_at = now
