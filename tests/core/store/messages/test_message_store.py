"""Messages in SQLite and in PostgreSQL: each is added once and sent by one exporter."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from canvas_sync_core.errors import StorageError
from canvas_sync_core.names import MessageState
from canvas_sync_core.store.database import downgrade, upgrade
from canvas_sync_core.store.messages.reading import (
    MessageFilter,
    count_messages,
    message_page,
    messages_about,
    messages_since,
)
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_core.store.messages.writing import (
    CLAIM_LASTS,
    INTERRUPTED_TWICE,
    add_messages,
    claim_message,
    copy_messages,
    delete_messages,
    finish_attempt,
    skip_waiting,
)
from support.forked_programs import ForkedProgram
from support.messages import CREATED, message

MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def only(engine: Engine) -> Message:
    """Return the only message in the table."""
    (found,) = message_page(engine, MessageFilter(), 10).items
    return found


def claim(engine: Engine, now: datetime = CREATED, channel: str = "slack") -> Message:
    """Claim a message, of which there must be one."""
    claimed = claim_message(engine, channel, now)
    assert claimed is not None
    return claimed.message


def test_a_message_is_read_as_it_was_written(engine: Engine) -> None:
    whole = message(
        is_urgent=True,
        follows="opened",
        state=MessageState.GIVEN_UP,
        content={"title": "Übung \u2028", "sections": [{"facts": [["a", "b"]]}]},
        first_content={"title": "before"},
        attempts=7,
        interruptions=1,
        may_be_repeated=True,
        sent_at=CREATED + MINUTE,
        reference="1764400000.123",
        last_error="ConnectionError: refused",
    )
    (written,) = add_messages(engine, [whole])
    assert only(engine) == written == replace(whole, id=written.id)


def test_only_the_first_of_several_equal_messages_is_added(engine: Engine) -> None:
    assert len(add_messages(engine, [message()])) == 1
    assert add_messages(engine, [message(content={"title": "again"})]) == []
    others = [message(period="resolved"), message(channel="email"), message(kind="daily")]
    assert len(add_messages(engine, [message(), *others])) == 3
    assert add_messages(engine, []) == []


def test_a_claimed_message_is_not_claimed_again_before_the_claim_expires(engine: Engine) -> None:
    add_messages(engine, [message()])
    claimed = claim(engine)
    assert (claimed.state, claimed.attempts) == (MessageState.SENDING, 1)
    assert not claimed.may_be_repeated
    just_before = CREATED + CLAIM_LASTS - timedelta(microseconds=1)
    assert claim_message(engine, "slack", just_before) is None
    again = claim(engine, CREATED + CLAIM_LASTS)
    assert again.may_be_repeated
    assert (again.attempts, again.interruptions) == (2, 1)


def test_the_outcome_of_an_expired_claim_changes_nothing(engine: Engine) -> None:
    add_messages(engine, [message()])
    first = claim(engine)
    second = claim(engine, CREATED + CLAIM_LASTS)
    assert not finish_attempt(engine, replace(first, state=MessageState.WAITING))
    assert finish_attempt(engine, replace(second, state=MessageState.SENT, reference="17"))
    assert only(engine).state is MessageState.SENT
    assert only(engine).reference == "17"


def test_a_message_that_interrupts_its_exporter_twice_is_given_up(engine: Engine) -> None:
    add_messages(engine, [message()])
    claim(engine)
    add_messages(engine, [message(period="resolved")])
    claim(engine, CREATED + CLAIM_LASTS)
    assert claim_message(engine, "slack", CREATED + 2 * CLAIM_LASTS) is None
    (given_up,) = message_page(engine, MessageFilter(MessageState.GIVEN_UP), 10).items
    assert given_up.last_error == INTERRUPTED_TWICE
    assert claim(engine, CREATED + 2 * CLAIM_LASTS).period == "resolved"


def test_messages_about_one_subject_are_sent_in_order(engine: Engine) -> None:
    add_messages(engine, [message()])
    first = claim(engine)
    add_messages(engine, [message(period="a resolved", follows="opened"), message("missed full")])
    assert claim(engine).subject == "missed full"
    assert claim_message(engine, "slack", CREATED) is None
    later = CREATED + MINUTE
    finish_attempt(engine, replace(first, state=MessageState.WAITING, next_attempt_at=later))
    assert claim_message(engine, "slack", CREATED) is None
    sent = replace(claim(engine, later), state=MessageState.SENT, reference="17")
    finish_attempt(engine, sent)
    following = claim_message(engine, "slack", later)
    assert following is not None
    assert (following.message.period, following.thread) == ("a resolved", "17")


def test_a_message_replaces_earlier_ones_that_still_wait(engine: Engine) -> None:
    add_messages(engine, [message(), message(channel="email"), message("missed full")])
    add_messages(engine, [message(period="resolved", follows="opened")])
    skipped = message_page(engine, MessageFilter(MessageState.SKIPPED), 10).items
    assert [each.key for each in skipped] == [message().key]
    following = claim_message(engine, "slack", CREATED)
    assert following is not None
    assert following.thread is None


def test_during_quiet_hours_only_urgent_messages_are_sent(engine: Engine) -> None:
    add_messages(engine, [message()])
    later = CREATED + MINUTE
    deferred: dict[str, Any] = {"state": MessageState.WAITING, "next_attempt_at": later}
    finish_attempt(engine, replace(claim(engine), **deferred))
    assert claim_message(engine, "slack", later, urgent_only=True) is None
    add_messages(engine, [message("missed full", is_urgent=True)])
    urgent = claim_message(engine, "slack", later, urgent_only=True)
    assert urgent is not None
    assert urgent.message.subject == "missed full"
    assert claim(engine, later).subject == "failing full"


def test_further_messages_depend_on_those_that_were_added(engine: Engine) -> None:
    add_messages(engine, [message("1")])

    def summary(added: list[Message]) -> list[Message]:
        return [message("several", ", ".join(each.subject for each in added))]

    added = add_messages(engine, [message("1"), message("2"), message("3")], summary)
    assert [each.subject for each in added] == ["2", "3", "several"]
    assert added[-1].period == "2, 3"


def test_a_claim_takes_only_due_messages_of_its_channel(engine: Engine) -> None:
    add_messages(engine, [message(next_attempt_at=CREATED + MINUTE), message(channel="email")])
    assert claim_message(engine, "slack", CREATED) is None
    assert claim_message(engine, "webhook", CREATED) is None
    assert claim(engine, channel="email").channel == "email"
    assert claim(engine, CREATED + MINUTE).channel == "slack"


def test_copied_messages_become_final_but_never_wait_again(engine: Engine) -> None:
    waiting, sent = message(), message("missed full", state=MessageState.SENT, reference="3")
    add_messages(engine, [waiting, message("missed full")])
    copy_messages(engine, [replace(waiting, state=MessageState.SENT, reference="7"), sent])
    states = {each.subject: each.reference for each in messages_since(engine, "incident", CREATED)}
    assert states == {"failing full": "7", "missed full": "3"}
    copy_messages(engine, [waiting, message("slow full"), message("slow full")])
    found = messages_about(engine, "incident", {"failing full", "slow full", "other"}, CREATED)
    assert [each.state for each in found] == [MessageState.SENT, MessageState.WAITING]


def test_waiting_messages_about_a_subject_can_be_skipped(engine: Engine) -> None:
    add_messages(engine, [message(), message(channel="email"), message("missed full")])
    claim(engine, channel="email")
    skip_waiting(engine, "incident", {"failing full"})
    counts = count_messages(engine)
    assert counts == {
        ("slack", MessageState.SKIPPED): 1,
        ("slack", MessageState.WAITING): 1,
        ("email", MessageState.SENDING): 1,
    }


def test_old_messages_are_deleted_unless_they_wait(engine: Engine) -> None:
    sent = {"state": MessageState.SENT}
    later = message("new", created_at=CREATED + MINUTE, **sent)
    add_messages(engine, [message("waiting"), message("old", **sent), later])
    delete_messages(engine, CREATED + MINUTE)
    found = messages_since(engine, "incident", CREATED - MINUTE)
    assert {each.subject for each in found} == {"waiting", "new"}


def test_what_was_written_by_hand_is_read_without_an_error(engine: Engine) -> None:
    add_messages(engine, [message()])
    by_hand = text("UPDATE canvas_sync_messages SET state = 'lost', content = '[1]'")
    with engine.begin() as connection:
        connection.execute(by_hand)
    assert only(engine).state is MessageState.SKIPPED
    assert only(engine).content == {"unreadable": "[1]"}
    assert count_messages(engine) == {}
    assert claim_message(engine, "slack", CREATED) is None


def test_the_table_is_made_and_dropped_by_its_migration(own_engine: Engine) -> None:
    downgrade(own_engine, "0009")
    assert not inspect(own_engine).has_table("canvas_sync_messages")
    with pytest.raises(StorageError, match="db upgrade"):
        add_messages(own_engine, [message()])
    with pytest.raises(StorageError, match="db upgrade"):
        count_messages(own_engine)
    upgrade(own_engine)
    assert len(add_messages(own_engine, [message()])) == 1


_SEND_ALL = """
import json, sys
from dataclasses import replace
from canvas_sync_core.names import MessageState
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.messages.writing import add_messages, claim_message, finish_attempt
from support.messages import CREATED, message

engine = open_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
added = len(add_messages(engine, [message(f"{n}") for n in range(40)]))
sent = []
while claim := claim_message(engine, "slack", CREATED):
    sent.append(claim.message.subject)
    finish_attempt(engine, replace(claim.message, state=MessageState.SENT))
print(json.dumps([added, sent]))
"""


def test_each_message_is_added_by_one_of_several_processes_and_sent_by_one(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    processes = [ForkedProgram(_SEND_ALL, url) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outcomes = [json.loads(process.communicate()) for process in processes]
    sent = sorted(subject for _, subjects in outcomes for subject in subjects)
    assert sum(added for added, _ in outcomes) == 40
    assert sent == sorted(f"{n}" for n in range(40))
