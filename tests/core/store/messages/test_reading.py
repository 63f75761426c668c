"""Messages are read in lists, by subject, and as figures of channels."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.cursors import BadCursor
from canvas_sync_core.store.messages import reading
from canvas_sync_core.store.messages.failing_channel import FailingChannel
from canvas_sync_core.store.messages.reading import (
    MessageFilter,
    count_messages,
    failing_channels,
    message_page,
    messages_about,
    messages_since,
)
from canvas_sync_core.store.messages.writing import add_messages
from support.messages import CREATED, message

MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def test_messages_about_subjects_are_read_from_a_time_on(engine: Engine) -> None:
    add_messages(engine, [message("1"), message("1", "later", created_at=CREATED + MINUTE)])
    add_messages(engine, [message("2", created_at=CREATED + MINUTE)])
    found = messages_about(engine, "incident", {"1"}, CREATED + MINUTE)
    assert [each.period for each in found] == ["later"]
    assert messages_about(engine, "incident", (), CREATED) == []


def test_lists_go_page_by_page_and_are_filtered(engine: Engine) -> None:
    times = [CREATED + minute * MINUTE for minute in (0, 1, 1, 1, 2)]
    for number, time in enumerate(times):
        add_messages(engine, [message(f"{number}", created_at=time)])
    add_messages(engine, [message(channel="email"), message(kind="daily")])
    seen: list[str] = []
    cursor, pages = None, 0
    while cursor is not None or not pages:
        wanted = MessageFilter(MessageState.WAITING, "slack", "incident")
        page = message_page(engine, wanted, 2, cursor)
        seen += [each.subject for each in page.items]
        cursor, pages = page.next, pages + 1
    assert (seen, pages) == (["4", "3", "2", "1", "0"], 3)
    assert message_page(engine, MessageFilter(MessageState.SENT), 2).items == []
    with pytest.raises(BadCursor):
        message_page(engine, MessageFilter(), 2, "nonsense")


def test_a_channel_fails_from_its_first_failure_until_it_delivers_again(engine: Engine) -> None:
    failed: dict[str, Any] = {"attempts": 3, "last_error": "404"}
    over = {"state": MessageState.GIVEN_UP, "next_attempt_at": CREATED + 10 * MINUTE}
    add_messages(engine, [message("2", channel="email", **failed)])
    add_messages(engine, [message("1", **failed | over)])
    add_messages(engine, [message("3", channel="webhook"), message("4", **failed)])
    sent: dict[str, Any] = {"state": MessageState.SENT, "sent_at": CREATED + 5 * MINUTE}
    add_messages(engine, [message("5", **sent), message("5", channel="email", **sent)])
    now = CREATED + 60 * MINUTE
    assert failing_channels(engine, now) == [FailingChannel("slack", CREATED, 0, 1, "404")]
    later: dict[str, Any] = {"state": MessageState.SENT, "sent_at": now}
    add_messages(engine, [message("6", **later)])
    assert failing_channels(engine, now) == []
    assert failing_channels(engine, CREATED + timedelta(days=30)) == []


def test_messages_that_wait_after_a_failure_count_too(engine: Engine) -> None:
    failed: dict[str, Any] = {"attempts": 3, "last_error": "timeout"}
    add_messages(engine, [message("1", **failed), message("2", created_at=CREATED + MINUTE)])
    waiting = FailingChannel("slack", CREATED, 1, 0, "timeout")
    assert failing_channels(engine, CREATED + MINUTE) == [waiting]


def test_many_subjects_are_asked_for_in_portions(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_SUBJECTS_AT_ONCE", 2)
    subjects = [f"{number}" for number in range(5)]
    add_messages(engine, map(message, subjects))
    add_messages(engine, [message("0", kind="daily"), message("other")])
    found = messages_about(engine, "incident", subjects, CREATED)
    assert [each.subject for each in found] == subjects


def test_messages_since_a_time_are_those_of_a_kind_oldest_first(engine: Engine) -> None:
    times = {"a": 1, "b": 0, "c": 2}
    for subject, minutes in times.items():
        add_messages(engine, [message(subject, created_at=CREATED + minutes * MINUTE)])
    add_messages(engine, [message("d", kind="daily", created_at=CREATED + MINUTE)])
    found = messages_since(engine, "incident", CREATED + MINUTE)
    assert [each.subject for each in found] == ["a", "c"]


def test_failures_of_more_than_a_week_ago_are_forgotten(engine: Engine) -> None:
    add_messages(engine, [message("1", attempts=1, last_error="timeout")])
    week = timedelta(days=7)
    assert [each.channel for each in failing_channels(engine, CREATED + week)] == ["slack"]
    assert failing_channels(engine, CREATED + week + MINUTE) == []


def test_a_channel_that_was_given_up_on_after_a_delivery_fails(engine: Engine) -> None:
    """The message was given up at the time of what would have been its next attempt."""
    sent: dict[str, Any] = {"state": MessageState.SENT, "sent_at": CREATED + 5 * MINUTE}
    over: dict[str, Any] = {"state": MessageState.GIVEN_UP, "attempts": 7, "last_error": "404"}
    add_messages(engine, [message("1", **sent)])
    add_messages(engine, [message("2", next_attempt_at=CREATED + 5 * MINUTE, **over)])
    assert failing_channels(engine, CREATED + 9 * MINUTE) == []
    add_messages(engine, [message("3", next_attempt_at=CREATED + 6 * MINUTE, **over)])
    failing = FailingChannel("slack", CREATED, waiting=0, given_up=1, reason="404")
    assert failing_channels(engine, CREATED + 9 * MINUTE) == [failing]


def test_a_message_that_some_recipients_did_not_get_is_a_failure_of_the_channel(
    engine: Engine,
) -> None:
    sent: dict[str, Any] = {"state": MessageState.SENT, "sent_at": CREATED + MINUTE}
    add_messages(engine, [message("1", last_error="refused 1 of 2 recipients", **sent)])
    reason = "refused 1 of 2 recipients"
    failing = FailingChannel("slack", CREATED, 0, 0, reason, partly_sent=1)
    assert failing_channels(engine, CREATED + 9 * MINUTE) == [failing]
    assert failing.reaches_some
    add_messages(engine, [message("2", **sent | {"sent_at": CREATED + 2 * MINUTE})])
    assert failing_channels(engine, CREATED + 9 * MINUTE) == []


def test_failing_channels_come_by_name_with_their_newest_reason(engine: Engine) -> None:
    for channel in ("webhook", "slack"):
        for number, reason in enumerate(("first", "second")):
            created = CREATED + number * MINUTE
            failed: dict[str, Any] = {"channel": channel, "created_at": created}
            add_messages(engine, [message(f"{number}", last_error=reason, attempts=1, **failed)])
    assert failing_channels(engine, CREATED + MINUTE) == [
        FailingChannel("slack", CREATED, 2, 0, "second"),
        FailingChannel("webhook", CREATED, 2, 0, "second"),
    ]


def test_messages_are_counted_by_channel_and_state(engine: Engine) -> None:
    assert count_messages(engine) == {}
    add_messages(engine, [message("1"), message("2"), message("3", channel="email")])
    assert count_messages(engine) == {
        ("slack", MessageState.WAITING): 2,
        ("email", MessageState.WAITING): 1,
    }
