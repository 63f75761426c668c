"""Delivers messages to Slack, by an incoming webhook or by a bot."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookResponse

from canvas_sync_exporter.config_file.channels import SlackSettings
from canvas_sync_exporter.messages.channel import DeliveryError, OutgoingMessage
from canvas_sync_exporter.messages.content import Content

from .block_kit import Block, blocks_of, notification_text, text_only
from .cutting import content_of
from .http_client import Answer, raise_for_status
from .slack_client import BoundedWebClient, BoundedWebhookClient

__all__ = ["API_URL", "SlackBotChannel", "SlackWebhookChannel"]

T = TypeVar("T")

API_URL: Final = "https://slack.com/api/"

_SECONDS: Final = 20.0
"""For each request. A message needs six at most, which must end before the outbox's claim does."""

_TOO_MANY_REQUESTS: Final = 429
_CODE: Final = re.compile(r"[a-z_]{3,60}")
_REFERENCE: Final = re.compile(r"(?P<channel>[A-Z0-9]{1,40}):(?P<time>\d{1,20}\.\d{1,20})")
_BAD_BLOCKS: Final = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_blocks_too_long"}
)
_TEMPORARY: Final = frozenset(
    {
        *("ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited"),
        *("internal_error", "fatal_error", "service_unavailable", "request_timeout"),
        *("rollup_error", "team_added_to_org", "org_login_required"),
    }
)
"""Errors that another attempt may not meet; all others concern the message or the token."""
_NO_TEXT: Final = frozenset(
    {"no_text", "invalid_payload", "missing_text_or_fallback_or_attachments"}
)
_NOT_SLACK: Final = "the answer is not one of a webhook of Slack; check the URL"
_SCOPES: Final = "x-oauth-scopes"
_WRITE: Final = "chat:write"
_NOT_EDITABLE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_NO_THREAD: Final = frozenset(
    {"thread_not_found", "message_not_found", "invalid_thread_ts", "cannot_reply_to_message"}
)
_HELP: Final = {
    "channel_not_found": "check `channel`, and invite the bot to a private channel",
    "not_in_channel": "invite the bot to the channel",
    "is_archived": "choose a channel that is not archived",
    "channel_is_archived": "choose a channel that is not archived",
    "missing_scope": "give the bot the scope chat:write and install it again",
    "invalid_auth": "copy the token of the bot again",
    "not_authed": "copy the token of the bot again",
    "token_revoked": "install the bot again and copy its new token",
    "account_inactive": "install the bot again and copy its new token",
    "no_service": "make a new webhook; this one has been removed",
    "invalid_token": "make a new webhook; this one has been removed",
}


class SlackWebhookChannel:
    """Delivers messages to an incoming webhook, one for each event.

    Args:
        settings: Its section of the configuration file.
        webhook: The URL of the webhook.
        seconds: How long to wait for the whole answer.
    """

    def __init__(self, settings: SlackSettings, webhook: str, *, seconds: float = _SECONDS) -> None:
        self.name = settings.name
        self._url = webhook
        self._client = BoundedWebhookClient(webhook, seconds)

    def send(self, message: OutgoingMessage) -> str:
        """Deliver a message; a webhook has no threads to refer to."""
        _with_or_without_blocks(self._post, content_of(message))
        return ""

    def check(self) -> str:
        """Check whether the webhook exists, with a message without text, which Slack rejects."""
        response = self._client.send_dict({"text": ""})
        code = response.body.strip()
        if response.status_code == 200 or code in _NO_TEXT:
            return "The webhook exists."
        raise self._failure(response)

    def _post(self, text: str, blocks: list[Block]) -> None:
        response = self._client.send(
            text=text, blocks=blocks or None, unfurl_links=False, unfurl_media=False
        )
        if response.status_code != 200 or response.body.strip() != "ok":
            raise self._failure(response)

    def _failure(self, response: WebhookResponse) -> DeliveryError:
        """Return the error for an answer; its headers say how long to wait after a 429."""
        status, code = response.status_code, response.body.strip()
        if 400 <= status < 500 and status != _TOO_MANY_REQUESTS and _CODE.fullmatch(code):
            return _SlackError(code)
        try:
            raise_for_status(Answer(status, response.headers, b""), self._url)
        except DeliveryError as error:
            return error
        return DeliveryError(_NOT_SLACK)


class SlackBotChannel:
    """Delivers messages as a bot: a thread for each subject, whose first message is edited.

    Args:
        settings: Its section of the configuration file.
        token: The token of the bot.
        api_url: Where Slack's API is.
        seconds: How long to wait for each whole answer.
    """

    def __init__(
        self,
        settings: SlackSettings,
        token: str,
        *,
        api_url: str = API_URL,
        seconds: float = _SECONDS,
    ) -> None:
        self.name = settings.name
        self._channel = settings.channel
        self._client = BoundedWebClient(token, api_url, seconds)

    def send(self, message: OutgoingMessage) -> str:
        """Deliver a message; return the channel and time of the first one of its thread."""
        thread = _REFERENCE.fullmatch(message.thread or "")
        content = content_of(message)
        if thread is None:
            return self._post(self._channel, content, None)
        if message.first is not None:
            self._edit(thread["channel"], thread["time"], message.first)
        try:
            self._post(thread["channel"], content, thread["time"])
        except _SlackError as error:
            if error.code not in _NO_THREAD:
                raise
            return self._post(self._channel, content, None)  # the first message was deleted
        return thread[0]

    def check(self) -> str:
        """Check whether Slack accepts the token, and whether the bot may write messages."""
        try:
            response = self._client.auth_test()
        except SlackApiError as error:
            raise _failure_of(error) from None
        scopes = response.headers.get(_SCOPES)
        if scopes is not None and _WRITE not in re.split(r"[,\s]+", scopes):
            raise _SlackError("missing_scope")
        return f"Slack accepts the token, and the bot may write to {self._channel} once invited."

    def _post(self, channel: str, content: Content, thread: str | None) -> str:
        def post(text: str, blocks: list[Block]) -> SlackResponse:
            return self._client.chat_postMessage(
                channel=channel,
                text=text,
                blocks=blocks or None,
                thread_ts=thread,
                unfurl_links=False,
                unfurl_media=False,
            )

        response = _with_or_without_blocks(post, content)
        reference = f"{response.get('channel')}:{response.get('ts')}"
        return reference if _REFERENCE.fullmatch(reference) else ""

    def _edit(self, channel: str, time: str, content: Content) -> None:
        def update(text: str, blocks: list[Block]) -> SlackResponse:
            # Without blocks in the request, the message would keep those that it has.
            return self._client.chat_update(channel=channel, ts=time, text=text, blocks=blocks)

        try:
            _with_or_without_blocks(update, content)
        except _SlackError as error:
            if error.code not in _NOT_EDITABLE:
                raise


class _SlackError(DeliveryError):
    """Slack's answer is an error.

    Attributes:
        code: Its code.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        help_text = f"; {_HELP[code]}" if code in _HELP else ""
        super().__init__(
            f"Slack responded with {code}{help_text}", is_permanent=code not in _TEMPORARY
        )


def _with_or_without_blocks(call: Callable[[str, list[Block]], T], content: Content) -> T:
    """Send a content as blocks, or as mere text if Slack rejects the blocks."""
    try:
        return _translated(call, notification_text(content), blocks_of(content))
    except _SlackError as error:
        if error.code not in _BAD_BLOCKS:
            raise
    return _translated(call, text_only(content), [])


def _translated(call: Callable[[str, list[Block]], T], text: str, blocks: list[Block]) -> T:
    try:
        return call(text, blocks)
    except SlackApiError as error:
        failure = _failure_of(error)
    raise failure


def _failure_of(error: SlackApiError) -> _SlackError:
    code = str(error.response.get("error", ""))  # its own text repeats the whole answer
    return _SlackError(code if _CODE.fullmatch(code) else "an error without a code")
