"""Messages over HTTP: lists page by page, filters, formats."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.database import downgrade
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_core.store.messages.writing import add_messages
from support.messages import CREATED, message

if TYPE_CHECKING:
    from .conftest import Exporter

MINUTE = timedelta(minutes=1)


@pytest.fixture
def messages(engine: Engine) -> list[Message]:
    """One that was sent, one that waits, and one that was given up."""
    sent: dict[str, Any] = {"state": MessageState.SENT, "sent_at": CREATED + MINUTE, "attempts": 2}
    given_up: dict[str, Any] = {"state": MessageState.GIVEN_UP, "last_error": "404 Not Found"}
    return [
        *add_messages(engine, [message("1", content={"title": "T", "summary": "S"}, **sent)]),
        *add_messages(engine, [message("2", channel="email", created_at=CREATED + MINUTE)]),
        *add_messages(engine, [message("3", kind="daily", **given_up)]),
    ]


@pytest.mark.usefixtures("messages")
@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("", ["2", "3", "1"]),
        ("?state=sent", ["1"]),
        ("?state=given_up", ["3"]),
        ("?channel=email", ["2"]),
        ("?kind=daily", ["3"]),
        ("?kind=incident&state=waiting&channel=slack", []),
        ("?from=2026-03-02T02:31:00Z", ["2"]),
        ("?to=2026-03-02T03:31:00&tz=Europe/Berlin", ["3", "1"]),
        ("?from=2026-03-01&to=2026-03-02", []),
    ],
)
def test_messages_are_listed_newest_first_and_filtered(
    exporter: Exporter, query: str, subjects: list[str]
) -> None:
    answer = exporter.api(f"messages{query}").json()
    assert [each["subject"] for each in answer["items"]] == subjects
    assert answer["next"] is None


@pytest.mark.usefixtures("messages")
def test_a_message_has_its_outcome(exporter: Exporter) -> None:
    waiting, given_up, sent = exporter.api("messages").json()["items"]
    assert (sent["title"], sent["summary"], sent["attempts"]) == ("T", "S", 2)
    assert (sent["sent_at"], sent["next_attempt_at"]) == ("2026-03-02T02:31:00.123456Z", None)
    assert given_up["last_error"] == "404 Not Found"
    assert waiting["next_attempt_at"] == "2026-03-02T02:30:00.123456Z"


@pytest.mark.usefixtures("messages")
def test_a_list_goes_on_at_its_cursor(exporter: Exporter) -> None:
    first = exporter.api("messages?limit=2").json()
    second = exporter.api(f"messages?limit=2&cursor={first['next']}").json()
    assert [each["subject"] for each in first["items"] + second["items"]] == ["2", "3", "1"]
    assert second["next"] is None


@pytest.mark.usefixtures("messages")
def test_messages_are_available_as_csv(exporter: Exporter) -> None:
    answer = exporter.api("messages?format=csv&state=given_up")
    heading, row = answer.text.strip().splitlines()
    assert heading.startswith("id,kind,subject,period,channel,state,title")
    assert "given_up" in row


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=lost", "state"), ("kind=x", "kind"), ("limit=0", "limit"), ("cursor=x", "cursor")],
)
def test_a_wrong_parameter_is_named(exporter: Exporter, query: str, field: str) -> None:
    answer = exporter.api(f"messages?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_a_missing_table_says_what_to_do(exporter: Exporter, engine: Engine) -> None:
    downgrade(engine, "0009")
    answer = exporter.api("messages")
    assert answer.status_code == 503
    assert "db upgrade" in answer.json()["detail"]
