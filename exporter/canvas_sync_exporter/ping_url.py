"""Calls a URL of healthchecks.io or a similar service, which notices when calls stay away."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.version import VERSION

from .reasons import reason

__all__ = ["CallFailure", "PingCaller", "below"]

_CLIENT_ERRORS: Final = range(400, 500)
_TRANSIENT: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class CallFailure:
    """Why a call failed.

    Attributes:
        reason: The reason, without the URL.
        is_permanent: Whether the service refuses the URL, so that another attempt is pointless.
    """

    reason: str
    is_permanent: bool = False


class PingCaller:
    """Calls URLs.

    Args:
        timeout: Seconds to wait for a connection, and for an answer.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._opener = _make_opener()

    def call(self, url: str) -> CallFailure | None:
        """Call a URL; return why that failed, or None."""
        request = Request(url, headers={"User-Agent": f"{DISTRIBUTION}/{VERSION}"})  # noqa: S310 - the opener only supports HTTP and HTTPS
        try:
            with self._opener.open(request, timeout=self._timeout):
                return None
        except HTTPError as error:
            error.close()
            is_permanent = error.code in _CLIENT_ERRORS and error.code not in _TRANSIENT
            return CallFailure(f"it responded with {error.code}", is_permanent)
        except (OSError, HTTPException, ValueError) as error:
            return CallFailure(reason(error).rstrip("."))


def below(url: str, word: str) -> str:
    """Return the URL with a further word in its path, such as ``fail``."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{word}"))


def _make_opener() -> OpenerDirector:
    """Build an opener that supports proxies and redirects, but does not open files or FTP."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPRedirectHandler(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
