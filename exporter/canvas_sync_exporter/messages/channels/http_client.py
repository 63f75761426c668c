"""Sends one HTTP request, with bounds on time and size, and without following redirects.

URLs and headers of these requests contain secrets: they are sent to the configured host only, and
no error repeats them. An error names the host alone.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from canvas_sync_core.clock import Clock, SystemClock
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.version import VERSION
from canvas_sync_exporter.messages.channel import DeliveryError

from .deadline import Deadline
from .failures import network_failure

__all__ = ["Answer", "head", "post", "raise_for_status"]

SECONDS: Final = 30.0
"""How long a request may take as a whole."""
_SILENCE_SECONDS: Final = 10.0
_LONGEST_ANSWER: Final = 64 * 1024
_LONGEST_WAIT: Final = 86_400.0

_TEMPORARY: Final = frozenset({408, 409, 421, 423, 425, 429})
"""Client errors that another attempt may not meet: RFC 9110, RFC 4918, RFC 8470, RFC 6585."""
_MOVED_FOR_GOOD: Final = frozenset({301, 308})
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request.

    Attributes:
        status: Its status code.
        headers: Its headers, with names in lower case.
        body: Its first 64 KiB.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> Answer:
    """Send a request, and return the answer, whatever its status.

    Args:
        url: Where to; a URL of HTTP or HTTPS.
        body: What to send.
        headers: Headers to send.
        seconds: How long to wait for the whole answer.

    Raises:
        DeliveryError: There is no answer.
    """
    return _send("POST", url, body, headers, seconds)


def head(url: str) -> Answer:
    """Ask for the headers of a URL, which changes nothing there; return the answer.

    Args:
        url: A URL of HTTP or HTTPS.

    Raises:
        DeliveryError: There is no answer.
    """
    return _send("HEAD", url, None, {}, SECONDS)


def _send(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
) -> Answer:
    names = {"User-Agent": f"{DISTRIBUTION}/{VERSION}", **headers}
    request = Request(url, data=body, headers=names, method=method)  # noqa: S310 - the opener only supports HTTP and HTTPS
    deadline = Deadline(seconds)
    try:
        return deadline.call(lambda: _exchange(request, min(seconds, _SILENCE_SECONDS), deadline))
    except (OSError, HTTPException, ValueError) as error:
        cause = _cause(error)
        raise DeliveryError(
            f"{_host(url)}: {network_failure(cause)}", may_have_arrived=deadline.has_sent
        ) from None


def raise_for_status(answer: Answer, url: str, clock: Clock | None = None) -> None:
    """Raise the error that an answer stands for; do nothing on success.

    Raises:
        DeliveryError: The status is not 2xx.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise DeliveryError(
            f"{_host(url)} redirects elsewhere ({status}), which is not followed because the "
            "request contains secrets; configure the URL that it redirects to",
            is_permanent=status in _MOVED_FOR_GOOD,
        )
    raise DeliveryError(
        f"{_host(url)} responded with {_describe(status)}",
        is_permanent=400 <= status < 500 and status not in _TEMPORARY,
        retry_after=_retry_after(answer.headers.get("retry-after", ""), clock or SystemClock()),
    )


def _exchange(request: Request, silence: float, deadline: Deadline) -> Answer:
    """Send a request; ``silence`` is how long to wait for the next bytes."""
    response: HTTPResponse
    with _opener(deadline).open(request, timeout=silence) as response:
        body = response.read(_LONGEST_ANSWER)
        if response.length and len(body) < _LONGEST_ANSWER:
            raise IncompleteRead(body, response.length)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, body)


def _opener(deadline: Deadline) -> OpenerDirector:
    """Build an opener that supports proxies, but neither redirects nor files nor FTP."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), _Http(deadline), _Https(deadline), UnknownHandler()):
        opener.add_handler(handler)
    return opener


class _Http(HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._connection = partial(_HttpConnection, deadline)

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._connection, req)


class _Https(HTTPSHandler):
    def __init__(self, deadline: Deadline) -> None:
        self._context_of_call = ssl.create_default_context()
        super().__init__(context=self._context_of_call)
        self._connection = partial(_HttpsConnection, deadline)

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._connection, req, context=self._context_of_call)


class _Watched(HTTPConnection):
    """A connection that its deadline can close."""

    def __init__(self, deadline: Deadline, host: str, **options: Any) -> None:
        super().__init__(host, **options)
        self._deadline = deadline

    def connect(self) -> None:
        self._deadline.watch(lambda: self.sock)  # while a proxy answers
        super().connect()
        connected = self.sock  # the response reads from it after urllib has forgotten it here
        self._deadline.watch(lambda: connected)
        self._deadline.check()  # urllib closes the connection when this raises

    def getresponse(self) -> HTTPResponse:
        self._deadline.has_sent = True
        return super().getresponse()


class _HttpConnection(_Watched):
    pass


class _HttpsConnection(_Watched, HTTPSConnection):
    pass


def _cause(error: BaseException) -> BaseException:
    """Return why urllib failed before the request was transmitted, or the error itself."""
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return error.reason
    return error


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the server"


def _describe(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _retry_after(value: str, clock: Clock) -> float | None:
    """Return the seconds of a header ``Retry-After`` (RFC 9110, 10.2.3); None if it has none."""
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp() - clock.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
