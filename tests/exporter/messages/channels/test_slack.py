"""Messages in Slack: delivered by a webhook or a bot to a server that checks them as Slack does."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import SlackSettings
from canvas_sync_exporter.messages.channel import Channel, DeliveryError
from canvas_sync_exporter.messages.channels.slack import SlackBotChannel, SlackWebhookChannel
from support.message_contents import DAILY, INCIDENT, RESOLVED, message, with_error
from support.message_server import Receiver, http_answer, receiving
from support.slack_server import CHANNEL, HOOK, TOKEN, SlackServer, texts_of, visible

SECRET = "T0Secret4711"
SETTINGS = SlackSettings(name="slack", audience=Audience(), channel="#canvas-sync")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def slack(receiver: Receiver) -> Iterator[SlackServer]:
    server = SlackServer()
    receiver.answer = server.answer
    yield server
    assert server.problems == []


def _webhook(receiver: Receiver, seconds: float = 30.0) -> SlackWebhookChannel:
    return SlackWebhookChannel(SETTINGS, receiver.url + HOOK, seconds=seconds)


def _bot(receiver: Receiver, token: str = TOKEN, seconds: float = 30.0) -> SlackBotChannel:
    return SlackBotChannel(SETTINGS, token, api_url=f"{receiver.url}/api/", seconds=seconds)


@pytest.fixture(params=["webhook", "bot"])
def channel(request: pytest.FixtureRequest, receiver: Receiver) -> Channel:
    return _webhook(receiver) if request.param == "webhook" else _bot(receiver)


def _failure(channel: Channel) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        channel.send(message())
    for error in (caught.value, caught.value.__cause__, caught.value.__context__):
        assert SECRET not in repr(error)
    return caught.value


@pytest.mark.parametrize("content", [INCIDENT, DAILY, RESOLVED, with_error("<!channel>" * 999, 99)])
def test_a_message_arrives(channel: Channel, slack: SlackServer, content: object) -> None:
    assert isinstance(content, type(INCIDENT))
    channel.send(message(content))
    assert slack.only["text"]
    assert slack.only["unfurl_links"] is False
    assert any(content.title[:40] in visible(text) for text in texts_of(slack.only["blocks"]))


def test_a_webhook_has_no_threads(receiver: Receiver, slack: SlackServer) -> None:
    channel = _webhook(receiver)
    assert channel.send(message()) == ""
    assert channel.send(replace(message(RESOLVED), thread="", first=RESOLVED)) == ""
    assert len(slack.messages) == 2


def test_a_bot_replies_in_a_thread_and_edits_its_first_message(
    receiver: Receiver, slack: SlackServer
) -> None:
    bot = _bot(receiver)
    thread = bot.send(message())
    assert bot.send(replace(message(DAILY), thread=thread)) == thread
    assert bot.send(replace(message(RESOLVED), thread=thread, first=RESOLVED)) == thread
    first, worse, resolved = slack.messages.values()
    assert thread.partition(":") == (CHANNEL, ":", first["ts"])
    assert "recovered after 34 min" in first["text"]
    assert "recovered after 34 min" in first["blocks"][0]["text"]["text"]
    assert worse["thread_ts"] == resolved["thread_ts"] == first["ts"]


def test_a_first_message_that_was_deleted_does_not_lose_later_ones(
    receiver: Receiver, slack: SlackServer
) -> None:
    lost = replace(message(RESOLVED), thread=f"{CHANNEL}:5.5", first=RESOLVED)
    thread = _bot(receiver).send(lost)
    assert thread == f"{CHANNEL}:1000.000100"
    assert "thread_ts" not in slack.only


def test_a_thread_of_another_kind_is_ignored(receiver: Receiver, slack: SlackServer) -> None:
    _bot(receiver).send(replace(message(), thread="<mail@example.edu>", first=RESOLVED))
    assert "thread_ts" not in slack.only


def test_a_message_that_may_have_arrived_before_is_marked(
    channel: Channel, slack: SlackServer
) -> None:
    channel.send(replace(message(), may_be_repeated=True))
    assert "You may have received this message before" in texts_of(slack.only["blocks"])[-1]


def test_a_message_whose_blocks_are_rejected_arrives_as_text(
    channel: Channel, slack: SlackServer
) -> None:
    slack.rejects_blocks = True
    channel.send(message(DAILY))
    assert not slack.only.get("blocks")
    assert "12,804" in slack.only["text"]


def test_a_first_message_whose_blocks_are_rejected_is_edited_without_them(
    receiver: Receiver, slack: SlackServer
) -> None:
    bot = _bot(receiver)
    thread = bot.send(message())
    slack.rejects_blocks = True
    bot.send(replace(message(RESOLVED), thread=thread, first=RESOLVED))
    first = slack.messages[thread.partition(":")[2]]
    assert first["blocks"] == []
    assert "recovered after 34 min" in first["text"]


@pytest.mark.parametrize(
    ("code", "is_permanent", "help_text"),
    [
        ("channel_not_found", True, "invite the bot"),
        ("missing_scope", True, "chat:write"),
        ("is_archived", True, "not archived"),
        ("no_service", True, "make a new webhook"),
        ("some_new_error", True, "some_new_error"),
        ("internal_error", False, "internal_error"),
        ("ratelimited", False, "ratelimited"),
    ],
)
def test_an_error_of_slack_is_understood(
    channel: Channel, slack: SlackServer, code: str, is_permanent: bool, help_text: str
) -> None:
    slack.errors = [code]
    failure = _failure(channel)
    assert failure.is_permanent == is_permanent
    assert help_text in str(failure)


def test_a_wrong_token_is_reported_without_it(receiver: Receiver, slack: SlackServer) -> None:
    failure = _failure(_bot(receiver, f"xoxb-wrong-{SECRET}"))
    assert failure.is_permanent
    assert "copy the token of the bot again" in str(failure)


@pytest.mark.parametrize("status", [500, 503])
def test_an_outage_gets_another_attempt(channel: Channel, receiver: Receiver, status: int) -> None:
    receiver.answers(http_answer(status, SECRET.encode()))
    failure = _failure(channel)
    assert not failure.is_permanent
    assert f"responded with {status}" in str(failure)


@pytest.mark.parametrize("body", [b'{"ok":false,"error":"ratelimited"}', b"rate_limited"])
def test_a_rate_limit_says_how_long_to_wait(
    channel: Channel, receiver: Receiver, body: bytes
) -> None:
    receiver.answers(http_answer(429, body, Retry_After="30"))
    failure = _failure(channel)
    assert (failure.is_permanent, failure.retry_after) == (False, 30)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_secret_goes_where_a_redirect_leads(
    channel: Channel, receiver: Receiver, status: int
) -> None:
    with receiving() as other:
        receiver.answers(http_answer(status, Location=f"{other.url}/{SECRET}"))
        assert "redirects elsewhere" in str(_failure(channel))
        assert other.requests.empty()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome to the guest network</html>",
        b"",
        b"[1]",
        b"[" * 60_000,
        b'"ok"',
        b"\xff\xfe",
        b'{"ok": false}',
        b'{"ok": false, "error": {"a": "T0Secret4711"}}',
        b'{"ok": "T0Secret4711"',
    ],
)
def test_a_response_that_is_not_from_slack_is_not_a_success(
    channel: Channel, receiver: Receiver, body: bytes
) -> None:
    receiver.answers(http_answer(200, body))
    _failure(channel)


def test_an_answer_without_a_time_starts_no_thread(receiver: Receiver) -> None:
    receiver.answers(http_answer(200, b'{"ok": true}'))
    assert _bot(receiver).send(message()) == ""


def test_a_server_that_answers_in_drips_is_abandoned_when_the_time_is_up(
    receiver: Receiver,
) -> None:
    for channel in (_webhook(receiver, 0.3), _bot(receiver, seconds=0.3)):
        receiver.gone.clear()
        receiver.answer = lambda _: itertools.chain(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"], itertools.repeat(b"x")
        )
        receiver.pause = 0.02
        failure = _failure(channel)
        assert "no complete answer in time" in str(failure)
        assert not failure.is_permanent
        assert receiver.gone.wait(60)


def test_the_methods_that_are_overridden_exist_in_slack_sdk() -> None:
    assert hasattr(WebhookClient, "_perform_http_request_internal")
    assert hasattr(WebClient, "_perform_urllib_http_request_internal")


def test_nothing_is_logged(
    channel: Channel,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        receiver.answers(b"garbage\r\n\r\n")
        _failure(channel)
        receiver.answers(http_answer(200, b"{}"))
        _failure(channel)
    assert SECRET not in caplog.text
    assert SECRET not in "".join(capfd.readouterr())
