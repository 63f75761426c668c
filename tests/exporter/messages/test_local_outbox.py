"""The outbox on this machine, for critical messages while the database is unreachable."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.messages.delivery import Delivery
from canvas_sync_exporter.messages.local_outbox import LocalOutbox
from support.messages import filled
from support.receiver import PostingChannel, Receiver
from support.simulated_clock import SimulatedClock
from support.tables import create_tables


def test_a_local_outbox_of_another_version_is_replaced(
    engine: Engine, tmp_path: Path, delivery: Delivery
) -> None:
    other = open_engine(f"sqlite:///{tmp_path / 'local' / 'messages.sqlite3'}")
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE canvas_sync_messages (id INTEGER, other TEXT)"))
    other.dispose()
    add_messages(engine, [filled()])
    assert delivery.deliver() == 1
    local = LocalOutbox(tmp_path / "local" / "messages.sqlite3")
    assert message_page(local.open(), MessageFilter(), 10).items == []
    local.dispose()


def test_critical_messages_are_sent_from_the_local_outbox_while_the_database_is_away(
    tmp_path: Path, local: LocalOutbox, received: Receiver, clock: SimulatedClock
) -> None:
    state = tmp_path / "state"
    engine = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
    create_tables(engine)
    away = tmp_path / "away"
    engine.dispose()
    state.rename(away)
    state.write_text("no folder")
    add_messages(local.open(), [filled("critical", is_urgent=True), filled("warning")])
    delivery = Delivery(PostingChannel(received.url), engine, local, lambda _: False, clock)
    with pytest.raises((SQLAlchemyError, OSError)):
        delivery.deliver()
    assert received.titles == ["critical"]
    state.unlink()
    away.rename(state)
    assert delivery.deliver() == 1
    assert received.titles == ["critical", "warning"]
    sent = message_page(engine, MessageFilter(MessageState.SENT), 10).items
    assert {each.subject for each in sent} == {"critical", "warning"}
    engine.dispose()


def test_a_critical_message_is_not_repeated_when_the_database_goes_away_right_after_it(
    tmp_path: Path, local: LocalOutbox, received: Receiver, clock: SimulatedClock
) -> None:
    state = tmp_path / "state"
    engine = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
    create_tables(engine)
    add_messages(engine, [filled(is_urgent=True)])
    local.copy(message_page(engine, MessageFilter(), 10).items)
    delivery = Delivery(PostingChannel(received.url), engine, local, lambda _: False, clock)
    assert delivery.deliver() == 1
    engine.dispose()
    state.rename(tmp_path / "away")
    state.write_text("no folder")
    with pytest.raises((SQLAlchemyError, OSError)):
        delivery.deliver()
    assert len(received.received) == 1
    engine.dispose()


def test_a_local_outbox_that_cannot_be_used_stops_nothing(
    engine: Engine,
    tmp_path: Path,
    received: Receiver,
    clock: SimulatedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").write_text("no folder")
    local = LocalOutbox(tmp_path / "file" / "messages.sqlite3")
    add_messages(engine, [filled()])
    delivery = Delivery(PostingChannel(received.url), engine, local, lambda _: False, clock)
    assert (delivery.deliver(), delivery.deliver()) == (1, 0)
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    local.dispose()
