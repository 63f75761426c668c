"""Repeats a response to a request that equals an earlier one, before Flask looks at it.

Flask takes most of the time of an answer that is already encoded: it makes a request and a context,
finds the route, reads parameters and builds headers, for the same outcome each time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from canvas_sync_core.locks import Lock

from .auth import hash_token

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ResponseCache", "allow_caching", "set_request_labels"]

_IS_CURRENT: Final = "canvas_sync.is_current"
_LABELS: Final = "canvas_sync.labels"
_MOST: Final = 32
_CREDENTIALS: Final = ("HTTP_AUTHORIZATION", "HTTP_COOKIE")
_PARTS: Final = (
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "REQUEST_URI",
    "REMOTE_ADDR",
    "wsgi.url_scheme",
)
"""What a response may depend on, besides the headers of the request."""

Labels = tuple[str, ...]


def allow_caching(environ: WSGIEnvironment, is_current: Callable[[], bool]) -> None:
    """Allow that the response to a request is repeated.

    Args:
        environ: The request.
        is_current: Whether an equal request would now get an equal response. Called once for each
            such request, when it has come.
    """
    environ[_IS_CURRENT] = is_current


def set_request_labels(environ: WSGIEnvironment, labels: Labels) -> None:
    """Set the labels under which repeats of the response to a request are counted."""
    environ[_LABELS] = labels


@dataclass(frozen=True, slots=True)
class _CachedResponse:
    status: str
    headers: list[tuple[str, str]]
    body: bytes
    labels: Labels
    is_current: Callable[[], bool]


class ResponseCache:
    """A WSGI app in front of another, whose latest responses it repeats while they are current.

    Requests are equal if all their headers are, and the client's address: so they pass or fail the
    same checks, except those that :func:`allow_caching` is given.

    Args:
        app: The app.
        count: Called for each repeated response with its labels and how many seconds it took.
    """

    def __init__(self, app: WSGIApplication, count: Callable[[Labels, float], None]) -> None:
        self._app = app
        self._count = count
        self._lock = Lock()
        self._responses: OrderedDict[Hashable, _CachedResponse] = OrderedDict()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] != "GET":
            return self._app(environ, start_response)
        start = time.perf_counter()
        key = _key(environ)
        cached = self._responses.get(key)
        if cached is None or not cached.is_current():
            return self._ask_app(key, environ, start_response)
        start_response(cached.status, cached.headers)
        self._count(cached.labels, time.perf_counter() - start)
        return [cached.body]

    def _ask_app(
        self, key: Hashable, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            begun[:] = [(status, headers)]
            return start_response(status, headers, *error)

        response: Any = self._app(environ, start)
        is_current = environ.pop(_IS_CURRENT, None)
        if is_current is None:
            return response  # type: ignore[no-any-return] # what the app returned
        try:
            body = b"".join(response)
        finally:
            response.close()
        self._store(key, _CachedResponse(*begun[0], body, environ[_LABELS], is_current))
        return [body]

    def _store(self, key: Hashable, response: _CachedResponse) -> None:
        with self._lock:
            self._responses.pop(key, None)
            if response.status.startswith(("200", "304")):
                self._responses[key] = response
            if len(self._responses) > _MOST:
                self._responses.popitem(last=False)


def _key(environ: WSGIEnvironment) -> Hashable:
    headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in _CREDENTIALS:
        if name in headers:
            headers[name] = hash_token(headers[name])  # no secret is kept
    return tuple(map(environ.get, _PARTS)), tuple(headers.items())
