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

__all__ = ["KeptResponses", "keep_response", "name_series"]

_IS_CURRENT: Final = "canvas_sync.is_current"
_SERIES: Final = "canvas_sync.series"
_MOST: Final = 32
_CREDENTIALS: Final = "HTTP_AUTHORIZATION"
_PARTS: Final = (
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "REQUEST_URI",
    "REMOTE_ADDR",
    "wsgi.url_scheme",
)
"""What a response may depend on, besides the headers of the request."""

Series = tuple[str, ...]


def keep_response(environ: WSGIEnvironment, is_current: Callable[[], bool]) -> None:
    """Allow that the response to a request is repeated.

    Args:
        environ: The request.
        is_current: Whether an equal request would now get an equal response. Called once for each
            such request, when it has come.
    """
    environ[_IS_CURRENT] = is_current


def name_series(environ: WSGIEnvironment, series: Series) -> None:
    """Set the labels under which a request is counted."""
    environ[_SERIES] = series


@dataclass(frozen=True, slots=True)
class _Kept:
    status: str
    headers: list[tuple[str, str]]
    body: bytes
    series: Series
    is_current: Callable[[], bool]


class KeptResponses:
    """A WSGI app in front of another, whose latest responses it repeats while they are current.

    Requests are equal if all their headers are, and the client's address: so they pass or fail the
    same checks, except those that :func:`keep_response` is given.

    Args:
        app: The app.
        count: Called for each repeated response with its labels and how many seconds it took.
    """

    def __init__(self, app: WSGIApplication, count: Callable[[Series, float], None]) -> None:
        self._app = app
        self._count = count
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] != "GET":
            return self._app(environ, start_response)
        start = time.perf_counter()
        key = _key(environ)
        kept = self._kept.get(key)
        if kept is None or not kept.is_current():
            return self._ask_app(key, environ, start_response)
        start_response(kept.status, kept.headers)
        self._count(kept.series, time.perf_counter() - start)
        return [kept.body]

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
        self._keep(key, _Kept(*begun[0], body, environ[_SERIES], is_current))
        return [body]

    def _keep(self, key: Hashable, response: _Kept) -> None:
        with self._lock:
            self._kept.pop(key, None)
            if response.status.startswith(("200", "304")):
                self._kept[key] = response
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)


def _key(environ: WSGIEnvironment) -> Hashable:
    headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    if _CREDENTIALS in headers:
        headers[_CREDENTIALS] = hash_token(headers[_CREDENTIALS])  # no secret is kept
    return tuple(map(environ.get, _PARTS)), tuple(headers.items())
