"""Adds messages about incidents to the outbox, from the database or from the judge's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import MessageKind, MessageState, Severity
from canvas_sync_core.store.incidents.reading import known_incidents
from canvas_sync_core.store.messages.reading import messages_about, messages_since
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_core.store.messages.writing import add_messages, skip_waiting
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.judge.incidents import REOPEN_WITHIN
from canvas_sync_exporter.schedules.pause import Pause

from .incident_content import IncidentWriter
from .local_outbox import OUT_OF_REACH, LocalOutbox
from .planning import PlannedMessage, Planning, subject_of
from .stored_content import to_json

__all__ = ["BURST", "BURST_WINDOW", "DIGEST_INTERVAL", "SEVERAL", "Planner"]

BURST: Final = 5
"""So many messages may go to a channel within :data:`BURST_WINDOW`; further ones share one."""
BURST_WINDOW: Final = timedelta(minutes=10)
DIGEST_INTERVAL: Final = timedelta(minutes=2)
"""The shortest time between two messages about many incidents."""
SEVERAL: Final = "several incidents"
"""The subject of messages about many incidents."""
_LOOK_BACK: Final = timedelta(days=7)
"""Longer than any quiet hours: their ends are announced when these are over."""


class Planner:
    """Plans the messages about incidents.

    Args:
        database: The database with incidents and outbox.
        local: The outbox to use while the database is unreachable.
        audiences: What each channel receives, by name.
        writer: Writes the contents.
        in_memory: Returns the open incidents that the judge of this exporter knows.
        pauses: Returns the pauses that end after a time.
        is_quiet: Returns whether only critical incidents are worth a message at a time.
        now: Returns the time, in UTC.
    """

    def __init__(
        self,
        database: Engine,
        local: LocalOutbox,
        audiences: Mapping[str, Audience],
        *,
        writer: IncidentWriter,
        in_memory: Callable[[], Iterable[Incident]],
        pauses: Callable[[datetime], Sequence[Pause]],
        is_quiet: Callable[[datetime], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._local = local
        self._audiences = audiences
        self._writer = writer
        self._in_memory = in_memory
        self._pauses = pauses
        self._is_quiet = is_quiet
        self._now = now

    def plan(self) -> int:
        """Add what is missing and return the number of messages that were added.

        Raises:
            SQLAlchemyError, StorageError: The database is unreachable; messages about critical
                incidents were added to the local outbox.
        """
        now = self._now()
        try:
            self._local.catch_up(self._database, now)
            incidents = known_incidents(self._database, now - _LOOK_BACK)
            pauses = self._pauses(now - _LOOK_BACK)
            count = self._plan_in(self._database, incidents, now, pauses)
            opened = [each for each in incidents if each.resolved_at is None]
            self._local.copy(_messages_about(self._database, opened, now))
        except OUT_OF_REACH:
            incidents = [each for each in self._in_memory() if each.severity is Severity.CRITICAL]
            self._plan_in(self._local.open(), incidents, now)
            raise
        return count

    def _plan_in(
        self,
        outbox: Engine,
        incidents: Sequence[Incident],
        now: datetime,
        pauses: Sequence[Pause] = (),
    ) -> int:
        messages = _messages_about(outbox, incidents, now)
        planning = Planning(
            incidents, messages, self._writer, now, pauses=pauses, is_quiet=self._is_quiet(now)
        )
        waiting = {each.subject for each in messages if each.state is MessageState.WAITING}
        skip_waiting(outbox, MessageKind.INCIDENT, planning.outdated() & waiting)
        return sum(
            self._add(outbox, channel, planned, now)
            for channel, audience in self._audiences.items()
            if (planned := planning.plan(channel, audience))
        )

    def _add(
        self, outbox: Engine, channel: str, planned: Sequence[PlannedMessage], now: datetime
    ) -> int:
        """Add messages to a channel, but only a few by themselves within a short time."""
        recent = [
            each
            for each in messages_since(outbox, MessageKind.INCIDENT, now - BURST_WINDOW)
            if each.channel == channel and each.state is not MessageState.SKIPPED
        ]
        digests = [each.created_at for each in recent if each.subject == SEVERAL]
        left = max(BURST - (len(recent) - len(digests)), 0)
        separate, others = planned[:left], planned[left:]
        count = len(add_messages(outbox, [each.message for each in separate]))
        if others and (not digests or now - max(digests) >= DIGEST_INTERVAL):
            count += self._add_digest(outbox, channel, others, now)
        return count

    def _add_digest(
        self, outbox: Engine, channel: str, planned: Sequence[PlannedMessage], now: datetime
    ) -> int:
        """Add one message about many incidents, and note that each of them is announced."""
        # As part of another message, each of them counts as announced at once.
        parts = [replace(each.message, state=MessageState.SKIPPED, sent_at=now) for each in planned]

        def digest(added: Sequence[Message]) -> Iterable[Message]:
            keys = {each.key for each in added}
            announced = [each for each in planned if each.message.key in keys]
            if not announced:
                return
            yield Message(
                kind=MessageKind.INCIDENT,
                subject=SEVERAL,
                period=f"{now.isoformat()} {min(keys)[1]}",
                channel=channel,
                content=to_json(self._writer.digest([each.notice for each in announced], now)),
                is_urgent=any(each.message.is_urgent for each in announced),
                created_at=now,
                next_attempt_at=now,
            )

        return len(add_messages(outbox, parts, digest))


def _messages_about(outbox: Engine, incidents: Iterable[Incident], now: datetime) -> list[Message]:
    """Return the earlier messages about incidents.

    Few incidents are older than :data:`_LOOK_BACK`. They are looked up by themselves, so that the
    others need not read all messages of the last year.
    """
    recent: list[Incident] = []
    older: list[Incident] = []
    for each in incidents:
        (recent if each.opened_at >= now - 2 * _LOOK_BACK else older).append(each)
    return [
        message
        for group in (older, recent)
        if group
        for message in messages_about(
            outbox,
            MessageKind.INCIDENT,
            set(map(subject_of, group)),
            min(each.opened_at for each in group) - REOPEN_WITHIN,
        )
    ]
