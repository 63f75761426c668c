"""Adds the reports that are due to the outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.store.messages.reading import messages_since
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.reports import ReportSettings

from .content import Content
from .reports.due import due_reports
from .reports.periods import ReportRequest
from .reports.reading import has_run_before
from .stored_content import to_json

__all__ = ["ReportPlanner"]

_LOOK_BACK: Final = timedelta(days=7)
"""Reports that are later than this are not sent at all."""
_RETRY_AFTER: Final = timedelta(minutes=1)


class ReportPlanner:
    """Makes each report once for all channels that receive it, even after a restart.

    There are no reports on periods before the first run: a new installation has nothing to report.

    Args:
        database: The database with the runs and the outbox.
        settings: Which reports are made, and when.
        audiences: What each channel receives, by name.
        make: Makes a report at a time.
    """

    def __init__(
        self,
        database: Engine,
        settings: ReportSettings,
        audiences: Mapping[str, Audience],
        make: Callable[[ReportRequest, datetime], Content],
    ) -> None:
        self._database = database
        self._settings = settings
        self._audiences = audiences
        self._make = make
        self._not_before = datetime.min.replace(tzinfo=UTC)

    def plan(self, now: datetime) -> int:
        """Add the reports that are due and return the number of messages that were added.

        Raises:
            Exception: A report could not be made; the others were. It is tried again in a minute.
        """
        if now < self._not_before:
            return 0
        self._not_before = now + _RETRY_AFTER
        missing = self._missing(now)
        errors: list[Exception] = []
        count = 0
        for request, channels in missing:
            try:
                content = self._make(request, now)
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
                continue
            messages = [_message(request, name, content, now) for name in channels]
            count += len(add_messages(self._database, messages))
        if errors:
            raise errors[0]
        return count

    def _missing(self, now: datetime) -> list[tuple[ReportRequest, list[str]]]:
        """Return the reports that are due, each with the channels that lack it."""
        due = due_reports(now, self._settings, ())
        made = {
            (each.kind, each.period, each.channel)
            for request in due
            for each in messages_since(self._database, request.kind, now - _LOOK_BACK)
        }
        missing = [
            (
                request,
                [
                    name
                    for name, audience in self._audiences.items()
                    if audience.wants_report(request.kind) and (*request.key, name) not in made
                ],
            )
            for request in due
        ]
        return [
            (request, channels)
            for request, channels in missing
            if channels and has_run_before(self._database, request.end)
        ]


def _message(request: ReportRequest, channel: str, content: Content, now: datetime) -> Message:
    return Message(
        kind=request.kind,
        subject=request.period,
        period=request.period,
        channel=channel,
        content=to_json(content),
        created_at=now,
        next_attempt_at=now,
    )
