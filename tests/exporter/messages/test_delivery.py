"""Sending to a real HTTP server, on a simulated clock."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_core.store.messages.writing import CLAIM_LASTS, add_messages
from canvas_sync_exporter.messages.channel import OutgoingMessage
from canvas_sync_exporter.messages.delivery import Delivery, delivery_key
from canvas_sync_exporter.messages.local_outbox import LocalOutbox
from support.forked_programs import ForkedProgram
from support.messages import CREATED, content, filled
from support.postgresql import PostgresqlServer
from support.receiver import PostingChannel, Receiver
from support.simulated_clock import SimulatedClock
from support.tables import create_tables

DAY = timedelta(days=1)


def only(engine: Engine) -> Message:
    """Return the only message in the table."""
    (found,) = message_page(engine, MessageFilter(), 10).items
    return found


def test_due_messages_are_sent_once_with_their_thread(
    engine: Engine, delivery: Delivery, received: Receiver
) -> None:
    add_messages(engine, [filled()])
    assert delivery.deliver() == 1
    first = content("recovered")
    add_messages(engine, [filled(period="resolved", follows="opened", first_content=first)])
    assert (delivery.deliver(), delivery.deliver()) == (1, 0)
    opened, resolved = received.received
    assert (opened["thread"], opened["first"]) == (None, None)
    assert (resolved["thread"], resolved["first"]) == ("message-1", "recovered")
    assert opened["key"] == delivery_key(filled()) != resolved["key"]


def test_a_failed_message_is_sent_later_and_later_and_given_up_after_a_day(
    engine: Engine, delivery: Delivery, received: Receiver, clock: SimulatedClock
) -> None:
    add_messages(engine, [filled()])
    received.fail(*[503] * 1000)
    times: list[datetime] = []
    while only(engine).state is not MessageState.GIVEN_UP:
        clock.now = only(engine).next_attempt_at - timedelta(seconds=1)
        delivery.deliver()
        assert len(received.received) == len(times), "it is not due yet"
        clock.advance(seconds=1)
        delivery.deliver()
        times.append(clock.now)
    assert len(received.received) == len(times)
    delays = [after - before for before, after in pairwise(times)]
    assert delays[:4] == [timedelta(seconds=seconds) for seconds in (10, 20, 40, 80)]
    assert max(delays) == timedelta(minutes=15)
    assert times[-1] == CREATED + DAY
    assert len({each["key"] for each in received.received}) == 1
    assert only(engine).last_error is not None
    assert "503" in str(only(engine).last_error)
    received.answers.clear()
    clock.advance(days=3)
    assert delivery.deliver() == 0


def test_a_channel_waits_as_long_as_it_is_asked_to(
    engine: Engine, delivery: Delivery, received: Receiver, clock: SimulatedClock
) -> None:
    add_messages(engine, [filled("1"), filled("2")])
    received.fail(429, **{"Retry-After": "120"})
    delivery.deliver()
    clock.advance(seconds=119)
    delivery.deliver()
    assert len(received.received) == 1, "the other message waits too"
    clock.advance(seconds=1)
    assert delivery.deliver() == 2


@pytest.mark.parametrize("retry_after", ["1e300", "inf", "nan", "-7"])
def test_an_absurd_waiting_time_does_not_stop_a_channel_for_ever(
    engine: Engine, delivery: Delivery, received: Receiver, clock: SimulatedClock, retry_after: str
) -> None:
    add_messages(engine, [filled()])
    received.fail(429, **{"Retry-After": retry_after})
    delivery.deliver()
    clock.advance(days=1)
    assert delivery.deliver() == 1


def test_what_the_destination_rejects_is_given_up_at_once_and_stops_nothing_else(
    engine: Engine, delivery: Delivery, received: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    add_messages(engine, [filled("1"), filled("2")])
    received.fail(400)
    assert delivery.deliver() == 1
    (given_up,) = message_page(engine, MessageFilter(MessageState.GIVEN_UP), 10).items
    assert given_up.subject == "1"
    assert "given up after 1 attempt:" in caplog.text


def test_a_message_that_cannot_be_rendered_is_tried_again_and_stops_nothing_else(
    engine: Engine,
    local: LocalOutbox,
    received: Receiver,
    clock: SimulatedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(PostingChannel):
        def send(self, message: OutgoingMessage) -> str:
            if message.content.title == "1":
                raise ZeroDivisionError("a template")
            return super().send(message)

    broken = Delivery(Broken(received.url), engine, local, lambda _: False, clock)
    add_messages(engine, [filled("1"), filled("2")])
    broken.deliver()
    assert broken.deliver() == 1
    (waiting,) = message_page(engine, MessageFilter(MessageState.WAITING), 10).items
    assert waiting.last_error == "An error in this program, which is in the exporter's log"
    assert "ZeroDivisionError" in caplog.text


def test_a_damaged_row_is_given_up_and_stops_nothing_else(
    engine: Engine, delivery: Delivery, received: Receiver
) -> None:
    add_messages(engine, [filled("1", content={"title": 7}), filled("2")])
    assert delivery.deliver() == 1
    assert received.titles == ["2"]
    (given_up,) = message_page(engine, MessageFilter(MessageState.GIVEN_UP), 10).items
    assert "cannot be read" in str(given_up.last_error)


def test_errors_are_stored_without_the_secret_path_of_a_webhook(
    engine: Engine, local: LocalOutbox, clock: SimulatedClock, received: Receiver
) -> None:
    add_messages(engine, [filled()])
    secret = PostingChannel(f"{received.url}/services/T0/B0/planted-secret")
    received.fail(503)
    Delivery(secret, engine, local, lambda _: False, clock).deliver()
    error = only(engine).last_error
    assert error is not None
    assert "planted" not in error
    assert "127.0.0.1" in error


def test_quiet_hours_hold_back_what_is_not_urgent(
    engine: Engine, local: LocalOutbox, received: Receiver, clock: SimulatedClock
) -> None:
    def is_quiet(time: datetime) -> bool:
        return time.hour >= 22 or time.hour < 7

    delivery = Delivery(PostingChannel(received.url), engine, local, is_quiet, clock)
    add_messages(engine, [filled("warning"), filled("critical", is_urgent=True)])
    sent: dict[str, datetime] = {}
    while len(sent) < 2:
        delivery.deliver()
        sent |= {title: clock.now for title in received.titles if title not in sent}
        clock.advance(minutes=1)
    assert sent["critical"] == CREATED
    assert (sent["warning"].hour, sent["warning"].minute) == (7, 0)


def test_several_exporters_send_each_message_once(
    engine: Engine, tmp_path: Path, received: Receiver, clock: SimulatedClock
) -> None:
    add_messages(engine, [filled(f"{number}") for number in range(30)])
    locals_ = [LocalOutbox(tmp_path / f"{number}.sqlite3") for number in range(3)]
    channel = PostingChannel(received.url)
    exporters = [Delivery(channel, engine, each, lambda _: False, clock) for each in locals_]
    threads = [threading.Thread(target=each.deliver) for each in exporters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(received.titles) == sorted(f"{number}" for number in range(30))
    for each in locals_:
        each.dispose()


_SEND = """
import sys
from datetime import datetime
from pathlib import Path
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.messages.delivery import Delivery
from canvas_sync_exporter.messages.local_outbox import LocalOutbox
from support.receiver import PostingChannel

url, receiver, folder, now = sys.argv[1:]
clock = lambda: datetime.fromisoformat(now)
local = LocalOutbox(Path(folder) / "messages.sqlite3")
Delivery(PostingChannel(receiver), open_engine(url), local, lambda _: False, clock).deliver()
"""


def send_and_be_killed(engine: Engine, received: Receiver, folder: Path, now: datetime) -> None:
    """Deliver in a process of its own, which is killed before its request is answered."""
    started: Future[ForkedProgram] = Future()
    received.on_request = lambda _: started.result().kill()
    url = engine.url.render_as_string(hide_password=False)
    arguments = [url, received.url, str(folder), now.isoformat()]
    started.set_result(ForkedProgram(_SEND, *arguments))
    assert started.result().wait() == -signal.SIGKILL
    received.on_request = lambda _: None


def test_a_kill_between_sending_and_noting_repeats_a_message_once_and_marks_it(
    engine: Engine, tmp_path: Path, received: Receiver, delivery: Delivery, clock: SimulatedClock
) -> None:
    add_messages(engine, [filled()])
    for _ in range(2):
        send_and_be_killed(engine, received, tmp_path, clock.now)
        clock.now += CLAIM_LASTS
    delivery.deliver()
    assert [each["may_be_repeated"] for each in received.received] == [False, True]
    assert len({each["key"] for each in received.received}) == 1
    assert only(engine).state is MessageState.GIVEN_UP


def test_a_repeated_message_is_delivered_by_the_next_exporter(
    engine: Engine, tmp_path: Path, received: Receiver, delivery: Delivery, clock: SimulatedClock
) -> None:
    add_messages(engine, [filled()])
    send_and_be_killed(engine, received, tmp_path, clock.now)
    clock.now += CLAIM_LASTS / 2
    assert delivery.deliver() == 0
    assert len(received.received) == 1, "the claim is still valid"
    clock.now += CLAIM_LASTS / 2
    assert delivery.deliver() == 1
    assert [each["may_be_repeated"] for each in received.received] == [False, True]
    assert only(engine).state is MessageState.SENT


def test_a_message_sent_while_the_database_went_away_is_not_sent_again(
    postgresql_server: PostgresqlServer,
    postgresql_url: str,
    local: LocalOutbox,
    received: Receiver,
    clock: SimulatedClock,
) -> None:
    engine = open_engine(postgresql_url)
    create_tables(engine)
    add_messages(engine, [filled(is_urgent=True)])

    def stop(_: dict[str, Any]) -> None:
        received.on_request = lambda _: None
        postgresql_server.stop()

    received.on_request = stop
    channel = PostingChannel(received.url)
    delivery = Delivery(channel, engine, local, lambda _: False, clock)
    for _ in range(2):
        with pytest.raises(SQLAlchemyError):
            delivery.deliver()
    postgresql_server.start()
    clock.advance(hours=1)
    restarted = Delivery(channel, engine, local, lambda _: False, clock)
    assert (restarted.deliver(), delivery.deliver()) == (0, 0)
    assert len(received.received) == 1
    sent = only(engine)
    assert (sent.state, sent.reference) == (MessageState.SENT, "message-1")
    engine.dispose()


def test_an_attempt_that_failed_while_the_database_went_away_is_not_an_interruption(
    postgresql_server: PostgresqlServer,
    postgresql_url: str,
    local: LocalOutbox,
    received: Receiver,
    clock: SimulatedClock,
) -> None:
    engine = open_engine(postgresql_url)
    create_tables(engine)
    add_messages(engine, [filled()])

    def stop(_: dict[str, Any]) -> None:
        received.on_request = lambda _: None
        postgresql_server.stop()

    received.on_request = stop
    received.fail(503)
    delivery = Delivery(PostingChannel(received.url), engine, local, lambda _: False, clock)
    with pytest.raises(SQLAlchemyError):
        delivery.deliver()
    postgresql_server.start()
    clock.advance(hours=1)
    assert delivery.deliver() == 1
    assert [each["may_be_repeated"] for each in received.received] == [False, False]
    engine.dispose()


def test_a_stopped_delivery_finishes_only_the_current_message(
    engine: Engine, delivery: Delivery, received: Receiver
) -> None:
    add_messages(engine, [filled("1"), filled("2")])
    received.on_request = lambda _: delivery.stop()
    assert delivery.deliver() == 1
    assert delivery.deliver() == 0
    states = {each.state for each in message_page(engine, MessageFilter(), 10).items}
    assert states == {MessageState.SENT, MessageState.WAITING}


def test_a_table_that_is_missing_is_named(
    empty_database_url: str, local: LocalOutbox, received: Receiver, clock: SimulatedClock
) -> None:
    engine = open_engine(empty_database_url)
    delivery = Delivery(PostingChannel(received.url), engine, local, lambda _: False, clock)
    with pytest.raises(Exception, match="db upgrade"):
        delivery.deliver()
    engine.dispose()


def test_a_message_whose_claim_was_lost_is_not_marked(
    engine: Engine, delivery: Delivery, received: Receiver, clock: SimulatedClock
) -> None:
    add_messages(engine, [filled()])

    def take_over(_: dict[str, Any]) -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE canvas_sync_messages SET attempts = 2"))

    received.on_request = take_over
    delivery.deliver()
    assert replace(only(engine), id=None).state is MessageState.SENDING
