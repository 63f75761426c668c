"""Channels check their destinations without sending a message."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import (
    EmailSettings,
    Security,
    SlackSettings,
    WebhookSettings,
)
from canvas_sync_exporter.messages.channel import CheckableChannel, DeliveryError
from canvas_sync_exporter.messages.channels.email import EmailChannel
from canvas_sync_exporter.messages.channels.slack import SlackBotChannel, SlackWebhookChannel
from canvas_sync_exporter.messages.channels.webhook import WebhookChannel
from support.mail_server import mail_server
from support.message_server import Receiver, http_answer, receiving

SLACK = SlackSettings(name="slack", audience=Audience(), channel="#canvas-sync")
TOKEN = "xoxb-T0Secret4711"
HOOK = "/services/T0/B0/T0Secret4711"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def _refusal(channel: CheckableChannel) -> str:
    with pytest.raises(DeliveryError) as caught:
        channel.check()
    assert "Secret4711" not in repr(caught.value)
    return str(caught.value)


def _bot(receiver: Receiver, scopes: str | None, **answer: object) -> SlackBotChannel:
    headers = {"Content_Type": "application/json"} | ({"X_OAuth_Scopes": scopes} if scopes else {})
    receiver.answers(http_answer(200, json.dumps(answer).encode(), **headers))
    return SlackBotChannel(SLACK, TOKEN, api_url=f"{receiver.url}/api/")


@pytest.mark.parametrize("scopes", ["chat:write,files:read", "files:read, chat:write", None])
def test_the_token_of_a_bot_is_tried(receiver: Receiver, scopes: str | None) -> None:
    assert "#canvas-sync" in _bot(receiver, scopes, ok=True).check()
    request = receiver.requests.get()
    assert request.path == "/api/auth.test"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert receiver.requests.empty()


def test_a_token_that_slack_refuses_is_reported(receiver: Receiver) -> None:
    channel = _bot(receiver, None, ok=False, error="invalid_auth")
    assert "copy the token of the bot again" in _refusal(channel)


def test_a_bot_that_may_not_write_is_reported(receiver: Receiver) -> None:
    assert "chat:write" in _refusal(_bot(receiver, "files:read", ok=True))


@pytest.mark.parametrize("code", ["no_text", "invalid_payload"])
def test_a_slack_webhook_is_tried_with_a_message_that_slack_rejects(
    receiver: Receiver, code: str
) -> None:
    receiver.answers(http_answer(400, code.encode()))
    assert SlackWebhookChannel(SLACK, receiver.url + HOOK).check() == "The webhook exists."
    assert json.loads(receiver.requests.get().body) == {"text": ""}


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (404, b"no_service", "make a new webhook"),
        (403, b"invalid_token", "make a new webhook"),
        (500, b"", "500"),
        (302, b"", "redirects"),
    ],
)
def test_a_webhook_that_is_gone_is_reported(
    receiver: Receiver, status: int, body: bytes, complaint: str
) -> None:
    receiver.answers(http_answer(status, body))
    assert complaint in _refusal(SlackWebhookChannel(SLACK, receiver.url + HOOK))


@pytest.mark.parametrize("status", [200, 405])
def test_the_server_of_a_webhook_is_asked_without_a_message(
    receiver: Receiver, status: int
) -> None:
    receiver.answers(http_answer(status, b""))
    settings = WebhookSettings(
        name="webhook", audience=Audience(), url=f"{receiver.url}/Secret4711"
    )
    assert WebhookChannel(settings).check() == f"127.0.0.1 can be reached (status {status})."
    assert receiver.requests.get().body == b""


def _email(port: int, password: str | None) -> EmailChannel:
    settings = EmailSettings(
        name="email",
        audience=Audience(),
        host="127.0.0.1",
        port=port,
        security=Security.NONE,
        ca_file=None,
        user="canvas-sync" if password else "",
        password=password,
        sender="sync@example.edu",
        recipients=("admin@example.edu",),
    )
    return EmailChannel(settings)


@pytest.mark.parametrize(
    ("logins", "password", "expected"),
    [
        ({}, None, "accepts the sender and the recipient."),
        ({"canvas-sync": "right"}, "right", "accepts the login, the sender and the recipient."),
    ],
)
def test_the_login_of_a_mail_server_is_tried_without_an_email(
    logins: dict[str, str], password: str | None, expected: str
) -> None:
    with mail_server(logins=logins) as server:
        assert _email(server.port, password).check() == f"127.0.0.1 {expected}"
        assert server.deliveries.empty()


def test_a_login_that_is_refused_is_reported() -> None:
    with mail_server(logins={"canvas-sync": "right"}) as server:
        assert "refused the login" in _refusal(_email(server.port, "Secret4711"))


def test_a_server_that_cannot_be_reached_is_reported() -> None:
    settings = WebhookSettings(name="w", audience=Audience(), url="http://127.0.0.1:1/Secret4711")
    assert "127.0.0.1: " in _refusal(WebhookChannel(settings))
