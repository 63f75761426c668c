"""Records each Canvas API call that an app makes through ``aiohttp``.

``ClientSession._request`` is one call: every way to ask leads there, also in sessions made before.
(A ``TraceConfig`` is fixed when a session is made.) Client middlewares may repeat a request within
it; one of ours, the innermost, sees each try.

aiohttp hands an answer out before its content is there. Of a failure the content says why, so such
a call is recorded, with the moment at which the answer came, when the app has read the content or
has let go of the answer.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from canvas_sync_instrumentation.canvas.graphql import is_graphql_path

from ._calls import Apart, Call, current_call
from ._holding import Holding
from ._patch import Patch
from ._recorder import Recorder
from ._switch import Switch

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_aiohttp", "uninstrument_aiohttp"]

_unread: weakref.WeakKeyDictionary[ClientResponse, Call] = weakref.WeakKeyDictionary()
"""Answer whose content will tell more -> its call."""
_left: deque[Call] = deque()
"""Calls whose answers went when their loop was closed; settled by whoever comes next."""


def instrument_aiohttp(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every request to Canvas that goes through any ``aiohttp.ClientSession`` from now on.

    Sessions made before are seen too. Requests to other servers pass untouched;
    ``CANVAS_SYNC_CANVAS_HOSTS`` says which are Canvas. A call counts once with the redirects it
    follows; a try that failed and that a client middleware repeats counts by itself. A call lasts
    until its answer's headers are there, as the content is read later. Calling it again changes
    nothing.

    Args:
        recorder: Where calls are reported; the monitor of this process when None.
        guard: Holds each call back until the quota has room for it; None holds back none.

    Raises:
        ImportError: aiohttp is not installed.
    """
    _switch.on(recorder, guard)


def uninstrument_aiohttp() -> None:
    """Undo :func:`instrument_aiohttp`."""
    _switch.off()


def _patches() -> tuple[tuple[Patch, type], ...]:
    from aiohttp import ClientResponse, ClientSession  # noqa: PLC0415 - may not be installed

    return (
        (_request, ClientSession),
        (_start, ClientResponse),
        (_read, ClientResponse),
        (_release, ClientResponse),
        (_close, ClientResponse),
    )


def _recording(
    request: Callable[..., Awaitable[ClientResponse]],
) -> Callable[..., Awaitable[ClientResponse]]:
    @functools.wraps(request, updated=())  # a mark that another library left is not ours to carry
    async def recording_request(
        self: ClientSession, method: str, str_or_url: Any, **kwargs: Any
    ) -> ClientResponse:
        _settle_left()
        url = _whole_url(self, str_or_url, kwargs.get("params"))
        use = _switch.use_for(url)
        if use is None:
            with Apart():
                return await request(self, method, str_or_url, **kwargs)
        _see_tries(self, kwargs)
        headers = _whole_headers(self, kwargs.get("headers"))
        async with Holding(use.recorder, use.guard, url, headers) as holding:
            call = Call(use.recorder, method, url, headers, _body(kwargs), owner=self)
            with call:
                response = await request(self, method, str_or_url, **kwargs)
            holding.saw(response.status, response.headers)
        call.followed(response)
        _settle_when_read(call, response)
        return response

    return recording_request


def _body(options: dict[str, Any]) -> object:
    json = options.get("json")
    return options.get("data") if json is None else json


def _whole_headers(session: ClientSession, given: Any) -> Mapping[str, str]:
    """Give the session's headers with those of the request; empty when aiohttp will refuse them."""
    headers = session.headers.copy()
    with contextlib.suppress(TypeError, ValueError):
        headers.update(given or {})
    return headers


def _whole_url(session: ClientSession, str_or_url: Any, params: Any) -> str:
    """Give the URL as aiohttp will make it; empty when it will refuse it."""
    try:
        url = session._build_url(str_or_url)
        return str(url.update_query(params) if params else url)
    except (TypeError, ValueError):
        return ""


def _see_tries(session: ClientSession, options: dict[str, Any]) -> None:
    """Put a middleware of ours below those of the app, which may repeat a request."""
    given = options.get("middlewares")
    middlewares = getattr(session, "_middlewares", ()) if given is None else given
    if middlewares:
        options["middlewares"] = (*middlewares, _trying)


async def _trying(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    call = current_call()
    if call is None:
        return await handler(request)
    call.tries()
    try:
        return await handler(request)
    except BaseException as error:
        call.got_none(error)
        raise


def _starting(start: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(start, updated=())
    async def starting_start(self: ClientResponse, *args: Any, **kwargs: Any) -> Any:
        started = await start(self, *args, **kwargs)
        call = current_call()
        if call is not None:
            call.got(self.status, self.headers)
        return started

    return starting_start


def _settle_when_read(call: Call, response: ClientResponse) -> None:
    if response.status < 400 and not is_graphql_path(response.url.path):
        call.settle(None)
        return
    _settle_all_at_exit()
    _unread[response] = call
    call.settle_later()
    # Some let go of an answer by forgetting it. What runs then may interrupt any code, our own too.
    weakref.finalize(response, _settle_soon, asyncio.get_running_loop(), call).atexit = False


def _settle_soon(loop: asyncio.AbstractEventLoop, call: Call) -> None:
    try:
        loop.call_soon_threadsafe(call.settle, None)
    except RuntimeError:  # the loop is closed
        _left.append(call)


def _settle_left() -> None:
    while _left:
        _left.popleft().settle(None)


@functools.cache
def _settle_all_at_exit() -> None:
    atexit.register(_settle_all)


def _settle_all() -> None:
    _left.extend(tuple(_unread.values()))
    _settle_left()


def _settle(response: ClientResponse, body: bytes | None) -> None:
    call = _unread.pop(response, None)
    if call is not None:
        call.settle(body)


def _reading(read: Callable[..., Awaitable[bytes]]) -> Callable[..., Awaitable[bytes]]:
    @functools.wraps(read, updated=())
    async def reading_read(self: ClientResponse) -> bytes:
        body = await read(self)
        _settle(self, body)
        return body

    return reading_read


def _letting_go(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method, updated=())
    def letting_go(self: ClientResponse) -> Any:
        _settle(self, None)
        return method(self)

    return letting_go


_request = Patch("_request", _recording)
_start = Patch("start", _starting)
_read = Patch("read", _reading)
_release = Patch("release", _letting_go)
_close = Patch("close", _letting_go)
_switch = Switch("aiohttp", _patches)
