"""A school that sends messages, and a delivery to a receiver on a simulated clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_exporter.messages.delivery import Delivery
from canvas_sync_exporter.messages.local_outbox import LocalOutbox
from support.messages import CREATED
from support.messaging_school import School
from support.receiver import PostingChannel, Receiver, receiver
from support.simulated_clock import SimulatedClock


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    """A database without runs, incidents and messages."""
    return emptied_engine


@pytest.fixture
def school(emptied_engine: Engine, tmp_path: Path) -> Iterator[School]:
    """A school without incidents."""
    with receiver() as received, closing(School(emptied_engine, tmp_path, received)) as school:
        yield school


@pytest.fixture
def received() -> Iterator[Receiver]:
    """A receiver of messages."""
    with receiver() as received:
        yield received


@pytest.fixture
def clock() -> SimulatedClock:
    """The time, which begins when the messages are created."""
    return SimulatedClock(CREATED)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalOutbox]:
    """The outbox to use while the database is unreachable."""
    local = LocalOutbox(tmp_path / "local" / "messages.sqlite3")
    yield local
    local.dispose()


@pytest.fixture
def delivery(
    emptied_engine: Engine, local: LocalOutbox, received: Receiver, clock: SimulatedClock
) -> Delivery:
    """Sends to the receiver, without quiet hours."""
    return Delivery(PostingChannel(received.url), emptied_engine, local, lambda _: False, clock)
