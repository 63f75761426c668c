"""A real HTTP receiver of messages, and a small channel that posts to it."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from canvas_sync_exporter.messages.channel import DeliveryError, OutgoingMessage
from support.http import serving
from support.waiting import wait_until

__all__ = ["PostingChannel", "Receiver", "receiver"]

_TIMEOUT_SECONDS = 60.0


@dataclass
class Receiver:
    """What has been received, and how to answer.

    Attributes:
        url: Where to post.
        received: The messages, as JSON objects, whatever the answer was.
        answers: Status codes with headers for the next requests; 200 when it is empty.
        on_request: Called during a request, before it is answered.
    """

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    answers: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    on_request: Callable[[dict[str, Any]], object] = lambda _: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def titles(self) -> list[str]:
        """The titles of what has been received, in that order."""
        with self._lock:
            return [each["title"] for each in self.received]

    def fail(self, *statuses: int, **headers: str) -> None:
        """Answer the next requests with these status codes."""
        self.answers.extend((status, headers) for status in statuses)

    def wait_for(self, count: int) -> None:
        """Wait until so many messages have been received."""
        wait_until(lambda: len(self.received) >= count, f"{count} messages")

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer a request."""
        body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        with self._lock:
            self.received.append(body)
            status, headers = self.answers.popleft() if self.answers else (200, {})
            number = len(self.received)
        self.on_request(body)
        text = f"{status} {HTTPStatus(status).phrase}"
        start_response(text, [("Content-Type", "text/plain"), *headers.items()])
        return [f"message-{number}".encode()]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Receive messages while the block runs."""
    received = Receiver()
    with serving(received) as url:
        received.url = url
        yield received


class PostingChannel:
    """Posts each message as a small JSON object; the answer's text is the reference.

    Args:
        url: The receiver.
        name: The name of the channel.
    """

    def __init__(self, url: str, name: str = "test") -> None:
        self.name = name
        self._url = url

    def send(self, message: OutgoingMessage) -> str:
        """Deliver a message."""
        body = {
            "key": message.key,
            "channel": self.name,
            "title": message.content.title,
            "summary": message.content.summary,
            "status": message.content.status.value,
            "thread": message.thread,
            "first": None if message.first is None else message.first.title,
            "may_be_repeated": message.may_be_repeated,
        }
        request = urllib.request.Request(self._url, json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as error:
            error.close()
            after = error.headers.get("Retry-After")
            raise DeliveryError(
                f"{self._url} answered {error.code}",
                is_permanent=400 <= error.code < 500 and error.code != 429,
                retry_after=None if after is None else float(after),
            ) from error
        except OSError as error:
            raise DeliveryError(f"{self._url}: {error}") from error
