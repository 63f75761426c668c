"""Serving exporters send messages to a real receiver: each once, also after a kill."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_core.store.messages.tables import Message
from support.receiver import Receiver, receiver
from support.serve_process import ServeProcess, serve_process
from support.waiting import wait_until

Serve = Callable[[str], AbstractContextManager[ServeProcess]]
ON_SQLITE = pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""
SECRET = "planted-4711-secret"
"""In the path of the webhook, as in those of Slack."""


@pytest.fixture
def received() -> Iterator[Receiver]:
    """A receiver of messages."""
    with receiver() as received:
        yield received


@pytest.fixture
def serve(tmp_path: Path, engine: Engine, received: Receiver) -> Serve:
    """Starts an exporter with its own folder; tokens of Canvas expire tomorrow."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    config = tmp_path / "config.toml"
    kinds = 'kinds = ["incident"]'
    config.write_text(f'[messages.webhook]\nurl = "{received.url}/{SECRET}"\n{kinds}\n')

    def start(name: str) -> AbstractContextManager[ServeProcess]:
        own = tmp_path / name
        own.mkdir(exist_ok=True)
        names = ("nightly", "grades", "users")
        settings = {
            "CANVAS_SYNC_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "CANVAS_SYNC_LOG_DIR": str(own / "logs"),
            "CANVAS_SYNC_CONFIG": str(config),
            "CANVAS_SYNC_TOKEN_EXPIRES": ",".join(f"{n}={tomorrow.isoformat()}" for n in names),
        }
        return serve_process(own, settings=settings)

    return start


def times_received(received: Receiver) -> Counter[str]:
    """Return how many times each message was received, by its id."""
    return Counter(each["id"] for each in list(received.received))


def rows(engine: Engine, state: MessageState | None = None) -> list[Message]:
    """Return the messages in the table."""
    return message_page(engine, MessageFilter(state), 100).items


def wait_until_all_are_sent(engine: Engine, count: int) -> None:
    """Wait until the table has so many messages that were sent."""
    wait_until(lambda: len(rows(engine, MessageState.SENT)) >= count, f"{count} sent messages")


@ON_SQLITE  # on PostgreSQL in test_several_hosts.py
def test_two_exporters_with_one_database_send_each_message_once(
    serve: Serve, engine: Engine, received: Receiver
) -> None:
    with serve("one") as one, serve("two") as two:
        wait_until_all_are_sent(engine, 3)
        for served in (one, two):
            served.wait_for_log("Incident|judg|Serving")
    assert sorted(times_received(received).values()) == [1, 1, 1]
    assert all("expires" in title for title in received.titles)
    assert {each.attempts for each in rows(engine)} == {1}


@ON_SQLITE
def test_a_restarted_exporter_repeats_nothing(
    serve: Serve, engine: Engine, received: Receiver
) -> None:
    with serve("one"):
        wait_until_all_are_sent(engine, 3)
    judged = text("SELECT judged_at FROM canvas_sync_judges")
    with engine.connect() as connection:
        before = connection.scalar(judged)
    with serve("one"):

        def has_judged() -> bool:
            with engine.connect() as connection:
                return bool(connection.scalar(judged) != before)

        wait_until(has_judged, "the restarted exporter to judge")
    assert sorted(times_received(received).values()) == [1, 1, 1]


def test_a_killed_exporter_leaves_a_message_that_another_one_repeats_with_a_mark(
    serve: Serve, engine: Engine, received: Receiver
) -> None:
    with serve("one") as killed:

        def kill(_: dict[str, Any]) -> None:
            os.kill(killed.process.pid, signal.SIGKILL)
            received.on_request = lambda _: None

        received.on_request = kill
        killed.process.wait()
    (interrupted,) = rows(engine, MessageState.SENDING)
    expire = text("UPDATE canvas_sync_messages SET next_attempt_at = created_at")
    with engine.begin() as connection:
        connection.execute(expire)
    with serve("two"):
        wait_until_all_are_sent(engine, 3)
    counts = times_received(received)
    assert sorted(counts.values()) == [1, 1, 2]
    ((repeated, _),) = counts.most_common(1)
    marks = [each["may_be_repeated"] for each in received.received if each["id"] == repeated]
    assert marks == [False, True]
    again = next(each for each in rows(engine) if each.id == interrupted.id)
    assert (again.state, again.interruptions) == (MessageState.SENT, 1)


@ON_SQLITE
def test_a_slow_receiver_does_not_keep_the_exporter_from_judging(
    serve: Serve, engine: Engine, received: Receiver
) -> None:
    judged: list[str] = []

    def wait_for_judging(_: dict[str, Any]) -> None:
        if judged:
            return
        with engine.connect() as connection:
            statement = text("SELECT judged_at FROM canvas_sync_judges")
            judged.append(str(connection.scalar(statement)))
        wait_until(
            lambda: str(_scalar(engine, "SELECT judged_at FROM canvas_sync_judges")) != judged[0],
            "the exporter to judge while the receiver does not answer",
        )

    received.on_request = wait_for_judging
    with serve("one"):
        wait_until(lambda: judged, "a request")
        wait_until_all_are_sent(engine, 2)


def _scalar(engine: Engine, statement: str) -> Any:
    with engine.connect() as connection:
        return connection.scalar(text(statement))


@ON_SQLITE
def test_messages_are_counted_in_metrics_and_listed_without_the_secret(
    serve: Serve, engine: Engine, received: Receiver
) -> None:
    received.fail(*[503] * 3)
    with serve("one") as served:
        wait_until(lambda: len(received.received) >= 3, "three attempts")
        wait_until(lambda: any(each.last_error for each in rows(engine)), "a noted failure")
        metrics = requests.get(f"{served.url}/metrics", timeout=60).text
        log = served.log
    series = {
        (sample.labels["channel"], sample.labels["state"])
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "canvas_sync_messages"
    }
    assert series == {("webhook", state.value) for state in MessageState}
    everything = json.dumps([[dict(each.content), each.last_error] for each in rows(engine)])
    assert SECRET not in everything + log + metrics
    assert "503" in everything


@ON_SQLITE
def test_no_message_is_sent_about_incidents_if_alertmanager_sends_them(
    serve: Serve, engine: Engine, received: Receiver, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[messages]\nincidents = false\n{config.read_text()}")
    with serve("one") as served:
        served.wait_for_log("Incident opened: token_expiring")
        before = _scalar(engine, "SELECT judged_at FROM canvas_sync_judges")
        wait_until(
            lambda: _scalar(engine, "SELECT judged_at FROM canvas_sync_judges") != before,
            "the next judging",
        )
    assert received.received == []
    assert rows(engine) == []
