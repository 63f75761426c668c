"""Records each Canvas API call that an app makes through ``aiohttp``.

``ClientSession._request`` is one call: every way to ask leads there, also in sessions made before.
(A ``TraceConfig`` is fixed when a session is made.) Client middlewares may repeat a request within
it; one of ours, the innermost, sees each try. Test doubles such as aioresponses and vcrpy put a
function of theirs in its place; then the call is seen where the app asks for it.

aiohttp hands an answer out before its content is there. Of a failure the content says why, so such
a call is recorded, with the moment at which the answer came, when the app has read the content or
has let go of the answer.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.canvas.graphql import is_graphql_path

from ._arguments import argument, header_fields, text_of
from ._calls import Call, Detached, current_call
from ._patch import Patch
from ._rate_limit_slot import RateLimitSlot
from ._recorder import Recorder
from ._required import library
from ._switch import Switch

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_aiohttp", "uninstrument_aiohttp"]

_unread: weakref.WeakKeyDictionary[ClientResponse, Call] = weakref.WeakKeyDictionary()
"""Answer whose content will tell more -> its call."""
_ASKED: Final = object()
"""Marks a call that is recorded where the app asks for it."""
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


def _recording(
    request: Callable[..., Awaitable[ClientResponse]],
) -> Callable[..., Awaitable[ClientResponse]]:
    async def recording_request(*args: Any, **kwargs: Any) -> ClientResponse:
        if not args:
            return await request(**kwargs)  # it says what is missing
        session: ClientSession = args[0]
        outer = current_call()
        if outer is None or outer.sent is not _ASKED or outer.owner is not session:
            return await _recorded(request, session, args, kwargs)
        outer.sent = None  # what follows in the same session is another call
        _see_tries(session, kwargs)
        return await request(*args, **kwargs)

    return recording_request


def _asking(method: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the wrapper of ``ClientSession.get`` or the like; of ``request`` without a method."""

    def wrap(ask: Callable[..., Any]) -> Callable[..., Any]:
        def asking(*args: Any, **kwargs: Any) -> Any:
            manager = ask(*args, **kwargs)
            if _is_replaced():
                asked = args[1:] if method else args[2:]
                url = argument(asked, kwargs, 0, "url")
                arguments = (args[0], method or argument(args, kwargs, 1, "method"), url)
                answer = manager._coro
                manager._coro = _recorded(
                    lambda *_, **__: answer, args[0], arguments, kwargs, sent=_ASKED
                )
            return manager

        return asking

    return wrap


def _is_replaced() -> bool:
    """Tell whether something stands in the place of the function that makes calls."""
    return vars(library("aiohttp").ClientSession)["_request"] is not _request.function


async def _recorded(
    request: Callable[..., Awaitable[ClientResponse]],
    session: ClientSession,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    sent: object = None,
) -> ClientResponse:
    """Record what ``request`` does with the arguments of ``ClientSession._request``."""
    _settle_left()
    method, asked = argument(args, kwargs, 1, "method"), argument(args, kwargs, 2, "str_or_url")
    url = _whole_url(session, asked, kwargs.get("params"))
    use = _switch.use_for(url)
    if use is None:
        with Detached():
            return await request(*args, **kwargs)
    _see_tries(session, kwargs)
    headers = header_fields(session.headers, kwargs.get("headers"))
    async with RateLimitSlot(use.recorder, use.guard, url, headers) as holding:
        body = _body(kwargs)
        call = Call(use.recorder, text_of(method), url, headers, body, owner=session, sent=sent)
        with call:
            response = await request(*args, **kwargs)
        if isinstance(response, library("aiohttp").ClientResponse):
            call.handed_out(response.status, response.headers)
            holding.observe(call.answer)
            call.followed(response)
            _settle_when_read(call, response)
    return response


def _body(options: dict[str, Any]) -> object:
    json = options.get("json")
    return options.get("data") if json is None else json


def _whole_url(session: ClientSession, asked: Any, params: Any) -> str:
    """Give the URL as aiohttp will make it; empty when it will refuse it."""
    try:
        url = session._build_url(asked)
        return str(url.update_query(params) if params else url)
    except Exception as error:  # noqa: BLE001 - objects of the app's; aiohttp meets their error too
        raise_if_asynchronous(error)
        return ""


def _see_tries(session: ClientSession, options: dict[str, Any]) -> None:
    """Put a middleware of ours below those of the app, which may repeat a request."""
    given = options.get("middlewares")
    middlewares = getattr(session, "_middlewares", ()) if given is None else given
    if middlewares and isinstance(middlewares, Sequence):
        options["middlewares"] = (*middlewares, _trying)


async def _trying(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    call = current_call()
    if call is None:
        return await handler(request)
    call.on_attempt()
    try:
        return await handler(request)
    except BaseException as error:
        call.on_error(error)
        raise


def _starting(start: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def starting_start(*args: Any, **kwargs: Any) -> Any:
        started = await start(*args, **kwargs)
        call = current_call()
        if call is not None:
            call.on_response(args[0].status, args[0].headers)
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
    async def reading_read(*args: Any, **kwargs: Any) -> bytes:
        body = await read(*args, **kwargs)
        _settle(args[0], body)
        return body

    return reading_read


def _letting_go(method: Callable[..., Any]) -> Callable[..., Any]:
    def letting_go(*args: Any, **kwargs: Any) -> Any:
        if args:
            _settle(args[0], None)
        return method(*args, **kwargs)

    return letting_go


_request = Patch("aiohttp.client", "ClientSession._request", _recording)
_switch = Switch(
    "aiohttp",
    (
        _request,
        Patch("aiohttp.client", "ClientSession.request", _asking("")),
        *(
            Patch("aiohttp.client", f"ClientSession.{name}", _asking(name.upper()))
            for name in ("get", "options", "head", "post", "put", "patch", "delete")
        ),
        Patch("aiohttp.client_reqrep", "ClientResponse.start", _starting),
        Patch("aiohttp.client_reqrep", "ClientResponse.read", _reading),
        Patch("aiohttp.client_reqrep", "ClientResponse.release", _letting_go),
        Patch("aiohttp.client_reqrep", "ClientResponse.close", _letting_go),
    ),
)
