"""Messages are claimed in the order in which they are due, and given up where nobody sends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_core.store.messages.writing import (
    add_messages,
    claim_message,
    delete_messages,
    finish_attempt,
    give_up_elsewhere,
)
from support.messages import CREATED, message

MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def all_by_subject(engine: Engine) -> dict[str, Message]:
    return {each.subject: each for each in message_page(engine, MessageFilter(), 50).items}


def test_old_messages_to_channels_that_nobody_has_are_given_up(engine: Engine) -> None:
    gone: dict[str, Any] = {"channel": "webhook"}
    add_messages(
        engine,
        [
            message("kept"),
            message("old", **gone),
            message("new", created_at=CREATED + MINUTE, **gone),
            message("sent", state=MessageState.SENT, **gone),
        ],
    )
    give_up_elsewhere(engine, {"slack", "email"}, CREATED + MINUTE, "no such channel")
    found = all_by_subject(engine)
    assert {subject: each.state for subject, each in found.items()} == {
        "kept": MessageState.WAITING,
        "old": MessageState.GIVEN_UP,
        "new": MessageState.WAITING,
        "sent": MessageState.SENT,
    }
    assert (found["old"].last_error, found["sent"].last_error) == ("no such channel", None)


def test_urgent_messages_are_claimed_first_then_those_longest_overdue(engine: Engine) -> None:
    due = {"c": 2, "a": 0, "b": 1}
    times = {subject: CREATED + minutes * MINUTE for subject, minutes in due.items()}
    add_messages(engine, [message(each, next_attempt_at=time) for each, time in times.items()])
    add_messages(engine, [message("u", is_urgent=True, next_attempt_at=CREATED + 2 * MINUTE)])
    claimed = [claim_message(engine, "slack", CREATED + 2 * MINUTE) for _ in range(5)]
    assert [claim and claim.message.subject for claim in claimed] == ["u", "a", "b", "c", None]


def test_in_quiet_hours_an_urgent_message_does_not_wait_for_one_that_is_not(engine: Engine) -> None:
    add_messages(engine, [message("full")])
    first = claim_message(engine, "slack", CREATED)
    assert first is not None
    add_messages(engine, [message("full", period="worse", is_urgent=True)])
    add_messages(engine, [message("full", kind="daily", is_urgent=True)])
    assert claim_message(engine, "slack", CREATED + MINUTE) is not None, "it is of another kind"
    assert claim_message(engine, "slack", CREATED + MINUTE) is None
    claimed = claim_message(engine, "slack", CREATED + MINUTE, urgent_only=True)
    assert claimed is not None
    assert claimed.message.period == "worse"


def test_a_message_without_a_reference_starts_no_thread(engine: Engine) -> None:
    add_messages(engine, [message("full")])
    first = claim_message(engine, "slack", CREATED)
    assert first is not None
    finish_attempt(engine, replace(first.message, state=MessageState.SENT, reference=""))
    add_messages(engine, [message("full", period="resolved", follows=first.message.period)])
    following = claim_message(engine, "slack", CREATED)
    assert following is not None
    assert following.thread is None


def test_a_message_that_is_being_sent_is_not_deleted(engine: Engine) -> None:
    add_messages(engine, [message("sending"), message("sent", state=MessageState.SENT)])
    assert claim_message(engine, "slack", CREATED) is not None
    delete_messages(engine, CREATED)
    assert set(all_by_subject(engine)) == {"sending", "sent"}
    delete_messages(engine, CREATED + MINUTE)
    assert set(all_by_subject(engine)) == {"sending"}
