"""Delivers messages as JSON to a URL, signed as Standard Webhooks describe.

The format is documented in ``docs/reference/webhook.md``. The signature follows
https://www.standardwebhooks.com, so that receivers can verify it with a library.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlsplit

from canvas_sync_core.clock import Clock, SystemClock
from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.config_file.channels import WebhookSettings
from canvas_sync_exporter.messages.channel import OutgoingMessage
from canvas_sync_exporter.messages.content import Content

from .cutting import Limits, content_of, fit
from .http_client import head, post, raise_for_status

__all__ = ["VERSION", "WebhookChannel", "signature"]

VERSION: Final = 1
"""The version of the format; it changes when a receiver would have to."""

_LIMITS: Final = Limits(title=500, text=20_000, cell=500, rows=2_000, items=100, sections=100)
_LONGEST: Final = 1024 * 1024
_PREFIX: Final = "whsec_"


class WebhookChannel:
    """Delivers messages to a URL.

    Args:
        settings: Its section of the configuration file.
        clock: The time of signatures.

    Raises:
        SettingsError: The secret begins with ``whsec_`` but is not base64.
    """

    def __init__(self, settings: WebhookSettings, *, clock: Clock | None = None) -> None:
        self.name = settings.name
        self._url = settings.url
        self._key = None if settings.secret is None else _key(settings.secret, settings.name)
        self._clock = clock or SystemClock()

    def send(self, message: OutgoingMessage) -> str:
        """Deliver a message; return the id that later messages of its subject name as thread."""
        identifier = _identifier(message.key)
        body = _document(message, identifier)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": identifier,
            "Webhook-Id": identifier,
        }
        timestamp = int(self._clock.time())
        headers["Webhook-Timestamp"] = str(timestamp)
        if self._key is not None:
            headers["Webhook-Signature"] = signature(self._key, identifier, timestamp, body)
        answer = post(self._url, body, headers)
        raise_for_status(answer, self._url, self._clock)
        return identifier

    def check(self) -> str:
        """Check whether the server answers; its status says nothing about messages."""
        status = head(self._url).status
        return f"{urlsplit(self._url).hostname} can be reached (status {status})."


def signature(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """Return the header that proves who sent a request, and when.

    Args:
        key: The secret.
        identifier: The id of the message.
        timestamp: When it is sent, in seconds since the epoch.
        body: The body of the request.
    """
    signed = f"{identifier}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _identifier(key: str) -> str:
    """Return an id for headers: the same for each attempt, and of plain characters."""
    return f"msg_{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:32]}"


def _document(message: OutgoingMessage, identifier: str) -> bytes:
    def render(content: Content) -> bytes:
        document = {
            "version": VERSION,
            "id": identifier,
            "thread": message.thread,
            "may_be_repeated": message.may_be_repeated,
            **asdict(content),
        }
        return json.dumps(document, default=_listed).encode()

    return fit(content_of(message), _LIMITS, render, lambda body: len(body) <= _LONGEST)


def _listed(value: Any) -> list[int]:
    return sorted(value)  # the indexes of numeric columns


def _key(secret: str, name: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise SettingsError(
            f"messages.{name}.secret: what follows {_PREFIX} is not base64; copy it again, or "
            f"write a secret that does not begin with {_PREFIX}."
        ) from None
