"""Which messages about incidents to send, derived from the incidents and from earlier messages.

Nothing else is remembered, so it does not matter whether an exporter was restarted meanwhile, or
which of several exporters plans. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from canvas_sync_core.incident import Incident, IncidentState
from canvas_sync_core.names import IncidentKind, MessageKind, MessageState, Severity
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.judge.incidents import REOPEN_WITHIN
from canvas_sync_exporter.judge.pauses import closing_pause
from canvas_sync_exporter.judge.precedence import continues, explains
from canvas_sync_exporter.schedules.pause import Pause

from .content import Status
from .incident_content import Event, IncidentWriter, Notice
from .stored_content import to_json

__all__ = ["BACK_AFTER", "PlannedMessage", "Planning", "subject_of"]

BACK_AFTER: Final = timedelta(minutes=30)
"""How long a reopened incident must stay open to be worth a message, after its "recovered"."""
_SAME_TIME: Final = timedelta(minutes=1)


def subject_of(incident: Incident) -> str:
    """Return the subject of messages about an incident."""
    return f"{incident.kind} {incident.subject}"


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """A message to send, and what it is about."""

    notice: Notice
    message: Message


class Planning:
    """Plans messages at one time.

    Args:
        incidents: All that are open, and those that were resolved in the last days.
        messages: All earlier messages about them, in the order in which they were created.
        writer: Writes the contents.
        now: The time.
        pauses: Those that ended in the last days, are active or upcoming.
        is_quiet: Whether only critical incidents are worth a message now.
    """

    def __init__(
        self,
        incidents: Iterable[Incident],
        messages: Iterable[Message],
        writer: IncidentWriter,
        now: datetime,
        *,
        pauses: Sequence[Pause],
        is_quiet: bool,
    ) -> None:
        self._incidents = _newest_of_each(incidents)
        self._writer = writer
        self._now = now
        self._pauses = pauses
        self._is_quiet = is_quiet
        self._earlier: dict[tuple[str, str], list[Message]] = {}
        for message in sorted(messages, key=lambda each: each.created_at):
            self._earlier.setdefault((message.subject, message.channel), []).append(message)

    def plan(self, channel: str, audience: Audience) -> list[PlannedMessage]:
        """Return the messages to send to a channel, the worst first."""
        planned = []
        for incident in self._incidents:
            if not _is_for(incident, channel, audience):
                continue
            if self._is_quiet and incident.severity is not Severity.CRITICAL:
                continue
            earlier = self._earlier_about(incident, channel)
            event = self._event(incident, earlier)
            if event is not None:
                notice = Notice(incident, event, closing_pause(incident, self._pauses))
                message = self._message(notice, channel, earlier)
                planned.append(PlannedMessage(notice, message))
        return sorted(planned, key=_urgency)

    def outdated(self) -> set[str]:
        """Return the subjects whose messages are not worth sending any more if they still wait.

        Someone has acknowledged the incident, another one has replaced it, or it has come back
        although the message says that it has recovered.
        """
        return {
            subject_of(each)
            for each in self._incidents
            if self._is_muted(each) or self._has_come_back(each)
        }

    def _event(self, incident: Incident, earlier: Sequence[Message]) -> Event | None:
        """Return what to announce, given all earlier messages about an incident."""
        announced = [each for each in earlier if _is_announced(each)]
        last = _event_of(announced[-1]) if announced else None
        if self._is_muted(incident):
            return None
        if incident.resolved_at is not None:
            return None if last in (None, Event.RESOLVED) else Event.RESOLVED
        if last is None:
            return Event.OPENED
        if _is_worse(incident, announced):
            return Event.WORSE
        return Event.BACK if self._is_back(incident, announced[-1]) else None

    def _is_back(self, incident: Incident, last: Message) -> bool:
        """Return whether an incident was reopened after the last message about it, and lasts.

        That message may be about its opening: if another incident explained its end, only the end
        of that one was announced.
        """
        reopened = incident.reopened_at
        if reopened is None or last.created_at >= reopened:
            return False
        return self._now - reopened >= BACK_AFTER

    def _is_muted(self, incident: Incident) -> bool:
        if incident.resolved_at is None:
            return incident.state is IncidentState.ACKNOWLEDGED
        known = incident.acknowledgement
        worsened = incident.worsened_at
        if known is not None and (worsened is None or worsened <= known.time):
            return True
        return self._is_replaced(incident, incident.resolved_at)

    def _is_replaced(self, incident: Incident, resolved_at: datetime) -> bool:
        """Return whether another incident was open when this one resolved, and explains that."""
        return any(
            explains(other, incident)
            or (other.opened_at >= resolved_at - _SAME_TIME and continues(other, incident))
            for other in self._incidents
            if other.opened_at <= resolved_at
            and (other.resolved_at is None or other.resolved_at > resolved_at)
        )

    def _has_come_back(self, incident: Incident) -> bool:
        if incident.resolved_at is not None or incident.reopened_at is None:
            return False
        subject = subject_of(incident)
        return any(
            message.state is MessageState.WAITING and _event_of(message) is Event.RESOLVED
            for (about, _), messages in self._earlier.items()
            if about == subject
            for message in messages
        )

    def _earlier_about(self, incident: Incident, channel: str) -> list[Message]:
        """Return the earlier messages about an incident, even if its time of opening differs.

        While the database was unreachable, each exporter may have opened the same incident.
        """
        earlier = self._earlier.get((subject_of(incident), channel), ())
        return [
            each
            for each in earlier
            if (opened := _opened_at(each)) is not None
            and abs(opened - incident.opened_at) < REOPEN_WITHIN
        ]

    def _message(self, notice: Notice, channel: str, earlier: Sequence[Message]) -> Message:
        incident, writer = notice.incident, self._writer
        follows = next((each.period for each in earlier if _is_announced(each)), None)
        described = writer.describe(incident, self._now, notice.pause)
        return Message(
            kind=MessageKind.INCIDENT,
            subject=subject_of(incident),
            period=_period(notice, len(earlier)),
            channel=channel,
            follows=follows,
            content=to_json(writer.write(notice, self._now)),
            first_content=None if follows is None else to_json(described),
            is_urgent=incident.severity is Severity.CRITICAL,
            created_at=self._now,
            next_attempt_at=self._now,
        )


def _newest_of_each(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Leave out incidents that were opened again before they could be reopened.

    Exporters do so while the database is unreachable, because they do not know of each other.
    """
    newest: dict[str, Incident] = {}
    chosen = []
    for each in sorted(incidents, key=lambda each: each.opened_at, reverse=True):
        later = newest.get(subject_of(each))
        if later is None or later.opened_at - each.opened_at >= REOPEN_WITHIN:
            chosen.append(each)
        newest[subject_of(each)] = each
    return tuple(chosen)


def _is_for(incident: Incident, channel: str, audience: Audience) -> bool:
    # A broken channel cannot deliver the message that it is broken.
    if incident.kind == IncidentKind.MESSAGES_FAILING and incident.subject == channel:
        return False
    types: Iterable[str | None] = incident.affects or (incident.sync_type,)
    return any(audience.wants_incident(incident.severity, name) for name in types)


def _urgency(planned: PlannedMessage) -> tuple[bool, datetime, str]:
    incident = planned.notice.incident
    return incident.severity is not Severity.CRITICAL, incident.opened_at, planned.message.subject


def _is_worse(incident: Incident, announced: Sequence[Message]) -> bool:
    """Return whether an incident has got worse since the last message."""
    statuses = {each.content.get("status") for each in announced}
    if incident.severity is Severity.CRITICAL and Status.CRITICAL.value not in statuses:
        return True
    known, worsened = incident.acknowledgement, incident.worsened_at
    if known is None or worsened is None or worsened <= known.time:
        return False
    return announced[-1].created_at < worsened


def _is_announced(message: Message) -> bool:
    """Return whether people know a message: it is sent, will be, or is part of another one."""
    return message.state is not MessageState.SKIPPED or message.sent_at is not None


def _period(notice: Notice, count: int) -> str:
    """Return the period of a message: all exporters that plan the same message use the same one.

    Args:
        notice: What it is about.
        count: The number of earlier messages about the incident.
    """
    opened = _text_of(notice.incident.opened_at)
    return f"{opened} {notice.event}{f' {count + 1}' if count else ''}"


def _text_of(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _opened_at(message: Message) -> datetime | None:
    """Return when the incident of a message was opened; None for a message about many."""
    try:
        time = datetime.fromisoformat(message.period.split(" ")[0])
    except ValueError:
        return None
    return time if time.tzinfo else None


def _event_of(message: Message) -> Event | None:
    words = message.period.split(" ")
    try:
        return Event(words[1])
    except (IndexError, ValueError):
        return None
