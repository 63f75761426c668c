"""Everything that sends messages, built from settings: incidents, reports, counts, old messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageKind, MessageState
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import WebhookSettings
from canvas_sync_exporter.config_file.messages import MessageSettings, QuietHours
from canvas_sync_exporter.messages.messenger import Messenger
from canvas_sync_exporter.schedules.hours import parse_hours
from support.incidents import incident
from support.messages import message
from support.receiver import PostingChannel, Receiver
from support.reports import settings, utc
from support.runs import snapshot, write
from support.simulated_clock import SimulatedClock

NOON = utc("2026-03-11T12:00")
EVENING = utc("2026-03-11T19:30")
BERLIN = ZoneInfo("Europe/Berlin")
QUIET = QuietHours(parse_hours("20:00-07:00"), BERLIN)


@pytest.fixture(autouse=True)
def _earlier_run(engine: Engine) -> None:
    """Without an earlier run there are no reports."""
    write(engine, snapshot("earlier", start_time=(NOON - timedelta(days=90)).timestamp()))


class Sending:
    """A messenger with one channel, which runs once a minute.

    Args:
        engine: The database.
        folder: Where its local outbox is.
        received: Where the messages go.
        now: The time at the start.
        changes: Fields of the section ``[messages]``.
    """

    def __init__(
        self, engine: Engine, folder: Path, received: Receiver, now: datetime, **changes: Any
    ) -> None:
        self.clock = SimulatedClock(now)
        audience = Audience(kinds=frozenset({MessageKind.INCIDENT, MessageKind.DAILY}))
        channel = WebhookSettings(name="test", audience=audience, url=received.url)
        messages = MessageSettings(channels=(channel,), **changes)
        self.messenger = Messenger(
            settings(folder, messages=messages),
            engine,
            [PostingChannel(received.url)],
            in_memory=list,
            now=self.clock,
        )

    def go_on(self, until: datetime) -> None:
        """Run until a time."""
        while self.clock.now < until:
            self.messenger.plan()
            self.messenger.deliveries["test"].deliver()
            self.clock.advance(minutes=1)
        self.messenger.dispose()


def kinds(engine: Engine) -> list[str]:
    """Return the kinds of all messages that were sent, oldest first."""
    found = message_page(engine, MessageFilter(MessageState.SENT), 100).items[::-1]
    return [each.kind for each in found]


def test_incidents_and_the_daily_report_are_sent(
    engine: Engine, tmp_path: Path, received: Receiver
) -> None:
    sending = Sending(engine, tmp_path, received, utc("2026-03-11T06:25"))
    write_incidents(engine, [incident(opened_at=sending.clock.now)])
    sending.go_on(utc("2026-03-11T06:40"))
    assert kinds(engine) == [MessageKind.INCIDENT, MessageKind.DAILY]
    assert len(received.received) == 2


def test_with_alertmanager_only_reports_are_sent(
    engine: Engine, tmp_path: Path, received: Receiver
) -> None:
    sending = Sending(engine, tmp_path, received, utc("2026-03-11T06:25"), incidents=False)
    write_incidents(engine, [incident(opened_at=sending.clock.now)])
    sending.go_on(utc("2026-03-11T06:40"))
    assert kinds(engine) == [MessageKind.DAILY]


def test_a_report_that_is_due_in_quiet_hours_is_made_after_them_unless_it_is_too_old(
    engine: Engine, tmp_path: Path, received: Receiver
) -> None:
    until_nine = QuietHours(parse_hours("20:00-09:00"), BERLIN)
    sending = Sending(engine, tmp_path, received, utc("2026-03-11T07:55"), quiet_hours=until_nine)
    sending.go_on(utc("2026-03-11T08:03"))
    assert kinds(engine) == [MessageKind.DAILY]
    (daily,) = message_page(engine, MessageFilter(), 10).items
    assert daily.created_at == utc("2026-03-11T08:00")
    weekend = QuietHours(parse_hours("Thu-Fri 00:00-24:00"), BERLIN)
    later = Sending(engine, tmp_path, received, utc("2026-03-12T07:00"), quiet_hours=weekend)
    later.go_on(utc("2026-03-12T07:30"))
    Sending(engine, tmp_path, received, utc("2026-03-14T05:00")).go_on(utc("2026-03-14T05:10"))
    assert kinds(engine) == [MessageKind.DAILY]


def test_messages_to_a_removed_destination_are_given_up_after_a_day(
    engine: Engine, tmp_path: Path, received: Receiver
) -> None:
    removed = message(channel="former", created_at=NOON, next_attempt_at=NOON)
    add_messages(engine, [removed])

    def state(now: datetime) -> tuple[MessageState, str | None]:
        Sending(engine, tmp_path, received, now).go_on(now + timedelta(minutes=1))
        (found,) = message_page(engine, MessageFilter(channel="former"), 10).items
        return found.state, found.last_error

    assert state(NOON + timedelta(hours=23)) == (MessageState.WAITING, None)
    given_up, why = state(NOON + timedelta(hours=25))
    assert given_up is MessageState.GIVEN_UP
    assert "no exporter has this destination" in str(why)


def test_messages_are_counted_and_old_ones_deleted(
    engine: Engine, tmp_path: Path, received: Receiver
) -> None:
    sent: dict[str, Any] = {"channel": "test", "state": MessageState.SENT}
    for days in (1, 399, 401):
        created_at = NOON - timedelta(days=days)
        add_messages(engine, [message(f"{days}", created_at=created_at, **sent)])
    sending = Sending(engine, tmp_path, received, NOON)
    assert set(sending.messenger.counts.values()) == {0}
    sending.go_on(NOON + timedelta(minutes=1))
    counts = sending.messenger.counts
    assert {state: count for (_, state), count in counts.items() if count} == {MessageState.SENT: 2}
    assert len(counts) == len(MessageState)


def test_quiet_hours_hold_for_planning_and_for_delivery(
    engine: Engine, tmp_path: Path, received: Receiver
) -> None:
    waiting = message("waiting", channel="test", created_at=EVENING, next_attempt_at=EVENING)
    add_messages(engine, [waiting])
    sending = Sending(engine, tmp_path, received, EVENING, quiet_hours=QUIET)
    write_incidents(engine, [incident(opened_at=EVENING)])
    sending.go_on(EVENING + timedelta(minutes=3))
    assert received.titles == ["The sync full fails"]
