"""``canvas-sync-monitor messages list`` and ``messages test``, with a real receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.reading import (
    MessageFilter,
    failing_channels,
    message_page,
)
from canvas_sync_core.store.messages.writing import add_messages
from support.command_line import run_here
from support.messages import CREATED, message
from support.receiver import Receiver, receiver
from support.serve_process import COMMAND, run_to_end

SECRET = "planted-4711-secret"


@pytest.fixture
def received() -> Iterator[Receiver]:
    """A receiver of messages."""
    with receiver() as received:
        yield received


@pytest.fixture
def settings(engine: Engine, tmp_path: Path, received: Receiver) -> dict[str, str]:
    """Settings with two destinations."""
    file = tmp_path / "config.toml"
    file.write_text(
        f'[[messages.webhook]]\nname = "tickets"\nurl = "{received.url}/{SECRET}"\n'
        '[[messages.webhook]]\nname = "dead"\nurl = "http://127.0.0.1:9/"\n'
    )
    url = engine.url.render_as_string(hide_password=False)
    return {"CANVAS_SYNC_DATABASE_URL": url, "CANVAS_SYNC_CONFIG": str(file)}


def test_a_test_message_arrives_and_is_noted(
    engine: Engine, tmp_path: Path, settings: dict[str, str], received: Receiver
) -> None:
    failed = {"channel": "webhook.tickets", "state": MessageState.GIVEN_UP, "last_error": "404"}
    now = datetime.now(UTC)
    add_messages(engine, [message(created_at=now, next_attempt_at=now, **failed)])
    assert failing_channels(engine, datetime.now(UTC))
    done = run_to_end([*COMMAND, "messages", "test", "webhook.tickets"], tmp_path, settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "webhook.tickets accepted the test message.\n"
    assert received.titles == ["Test message from canvas-sync-monitor"]
    (sent,) = message_page(engine, MessageFilter(MessageState.SENT), 10).items
    assert (sent.kind, sent.channel) == ("test", "webhook.tickets")
    assert failing_channels(engine, datetime.now(UTC)) == []


def test_a_test_message_that_does_not_arrive_is_a_failure_without_the_secret(
    engine: Engine, tmp_path: Path, settings: dict[str, str], received: Receiver
) -> None:
    received.fail(403)
    refused = run_here(["messages", "test", "webhook.tickets"], tmp_path, settings)
    dead = run_here(["messages", "test", "webhook.dead"], tmp_path, settings)
    assert (refused.returncode, dead.returncode) == (1, 1)
    assert "webhook.tickets received nothing: " in refused.stderr
    assert "403" in refused.stderr
    assert SECRET not in refused.stderr + refused.stdout
    assert message_page(engine, MessageFilter(), 10).items == []


def test_a_test_needs_no_database(
    tmp_path: Path, settings: dict[str, str], received: Receiver
) -> None:
    away = settings | {"CANVAS_SYNC_DATABASE_URL": f"sqlite:///{tmp_path / 'none.sqlite3'}"}
    done = run_here(["messages", "test", "webhook.tickets"], tmp_path, away)
    assert done.returncode == 0
    assert "the success cannot be recorded" in done.stderr
    assert len(received.received) == 1


def test_an_unknown_destination_is_wrong_usage(tmp_path: Path, settings: dict[str, str]) -> None:
    unknown = run_here(["messages", "test", "webhook.ticket"], tmp_path, settings)
    other = run_here(["messages", "test", "slack"], tmp_path, settings)
    assert (unknown.returncode, other.returncode) == (2, 2)
    assert "did you mean `webhook.tickets`?" in unknown.stderr
    assert "there are webhook.tickets, webhook.dead" in other.stderr
    (tmp_path / "config.toml").write_text("")
    none = run_here(["messages", "test", "slack"], tmp_path, settings)
    assert none.returncode == 2
    assert "Add a section such as [messages.slack]" in none.stderr


def fill(engine: Engine) -> None:
    """Add three messages."""
    content: dict[str, Any] = {"content": {"title": "The sync full fails", "summary": "."}}
    given_up = {"state": MessageState.GIVEN_UP, "last_error": "404\x1b[2J"}
    for number, changes in enumerate(({}, given_up, {"channel": "email", "kind": "daily"})):
        add_messages(engine, [message(f"{number}", **content | changes)])


def test_messages_are_listed_with_the_reason_of_a_failure(
    engine: Engine, tmp_path: Path, settings: dict[str, str]
) -> None:
    fill(engine)
    done = run_here(["messages", "list", "--tz", "Europe/Berlin"], tmp_path, settings)
    assert done.returncode == 0
    heading, first, *others, footer = done.stdout.splitlines()
    assert heading.split() == ["created", "channel", "state", "kind", "attempts", "title"]
    assert first.split()[:6] == ["2026-03-02", "03:30", "email", "waiting", "daily", "0"]
    assert others[1].strip() == r"404\x1b[2J"
    assert footer == "Times are in Europe/Berlin (UTC+01:00)."


def test_a_list_is_filtered_and_limited(
    engine: Engine, tmp_path: Path, settings: dict[str, str]
) -> None:
    fill(engine)
    words = ["messages", "list", "--json", "--state", "given_up", "--channel", "slack"]
    done = run_here([*words, "--kind", "incident"], tmp_path, settings)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["subject"] == "1"
    assert json.loads(line)["created_at"] == CREATED.isoformat().replace("+00:00", "Z")
    cut = run_here(["messages", "list", "--limit", "1"], tmp_path, settings)
    assert "stopped at --limit 1; there are more" in cut.stderr
    none = run_here(["messages", "list", "--state", "sent"], tmp_path, settings)
    assert none.stdout == "No messages.\n"
