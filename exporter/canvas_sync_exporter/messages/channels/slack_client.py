"""Clients of slack_sdk whose requests are bounded, follow no redirects and log no secrets.

The clients of slack_sdk read answers of any size, wait for each part of one anew, and send the
token to any host that Slack's address redirects to. These send each request with
:mod:`.http_client` instead.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.request import Request

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient, WebhookResponse

from canvas_sync_exporter.messages.channel import DeliveryError

from .http_client import Answer, post, raise_for_status

__all__ = ["BoundedWebClient", "BoundedWebhookClient"]


def _silent_logger() -> logging.Logger:
    """Return a logger that writes nothing: slack_sdk logs URLs of webhooks and answers."""
    return logging.Logger("slack_sdk", level=logging.CRITICAL + 1)


class BoundedWebhookClient(WebhookClient):
    """Sends messages to an incoming webhook.

    Args:
        url: Its URL.
        seconds: How long to wait for the whole answer.
    """

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(url, logger=_silent_logger(), retry_handlers=[])
        self._seconds = seconds

    def _perform_http_request_internal(self, url: str, req: Request) -> WebhookResponse:
        answer = _answer(url, req, self._seconds)
        return WebhookResponse(
            url="", status_code=answer.status, body=_text(answer), headers=dict(answer.headers)
        )


class BoundedWebClient(WebClient):
    """Calls methods of Slack's Web API.

    Args:
        token: The token of a bot.
        base_url: Where the API is.
        seconds: How long to wait for each whole answer.
    """

    def __init__(self, token: str, base_url: str, seconds: float) -> None:
        super().__init__(token, base_url, logger=_silent_logger(), retry_handlers=[])
        self._seconds = seconds

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        answer = _answer(url, req, self._seconds)
        raise_for_status(answer, url)
        if not _is_object(answer.body):
            raise DeliveryError("the answer does not come from Slack's API")
        return {"status": answer.status, "headers": answer.headers, "body": _text(answer)}


def _answer(url: str, request: Request, seconds: float) -> Answer:
    body = request.data if isinstance(request.data, bytes) else b""
    return post(url, body, dict(request.header_items()), seconds=seconds)


def _text(answer: Answer) -> str:
    return answer.body.decode(errors="replace")


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False
