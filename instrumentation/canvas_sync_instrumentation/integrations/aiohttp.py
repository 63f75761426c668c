"""Records each Canvas API call that an app makes through ``aiohttp``.

All ways to make a request lead to ``ClientSession._request``, also those of sessions made before
the hooks were on. (A ``TraceConfig`` would not do, as it is fixed when a session is made.) Client
middlewares may repeat a request inside of it, so a middleware of ours, the innermost, sees each
attempt. Test doubles such as aioresponses and vcrpy replace ``_request``; then the call is recorded
one level further out, in ``ClientSession.get`` and the like.

aiohttp returns a response before its body is read. The body of a failure contains the reason, and
that of a list the number of items, so such calls are recorded later, with the time at which the
response arrived. The states of a call, and its transitions:

    [started]     in _request, or in get() and the like under a test double
       |  ^
       |  +---------- a middleware repeats the request: the failed attempt is recorded by itself
       |
       |-- exception -------------------------------------------> [recorded] as failed
       |
       v  ClientResponse.start(): status and headers are there
    [answered]
       |
       v  _request returns the response to the app
    [handed out]
       |
       |-- content that says nothing: see _is_told_by_content --> [recorded]
       v
    [unread]      in _unread
       |-- read() ----------------------------------------------> [recorded] with the content
       |-- read() that raises: the connection broke, ... -------> [recorded] as failed
       |-- release() or close() --------------------------------> [recorded] without
       |-- the run ends, or the process exits ------------------> [recorded] without
       |-- garbage collection, event loop open: by the loop ----> [recorded] without
       v   garbage collection, event loop closed
    [orphaned]    in _orphaned
       +-- the next call starts, or the process exits ----------> [recorded] without

``Call.finalize`` is each step to [recorded]. It records a call once, whichever step comes first.
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
from canvas_sync_core.canvas.received import has_content
from canvas_sync_instrumentation.call_recorder import Recorder

from ._arguments import argument, header_fields, text_of
from ._calls import Call, Detached, current_call
from ._patch import Args, Kwargs, Patch, Wrapper
from ._rate_limit_slot import RateLimitSlot
from ._required import library
from ._switch import Switch, hook_for

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_aiohttp", "uninstrument_aiohttp"]

_unread: weakref.WeakKeyDictionary[ClientResponse, Call] = weakref.WeakKeyDictionary()
"""Calls that wait for the body of their response."""
_RECORDED_OUTSIDE: Final = object()
"""Marks a call that is recorded in ``get`` and the like because ``_request`` is replaced."""
_orphaned: deque[Call] = deque()
"""Calls whose response was garbage collected after its event loop was closed."""


def instrument_aiohttp(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every request to Canvas that goes through any ``aiohttp.ClientSession`` from now on.

    Existing sessions are included. Requests to other servers are not affected;
    ``CANVAS_SYNC_CANVAS_HOSTS`` defines which are Canvas. A call counts once, with the redirects it
    follows; a failed attempt that a client middleware repeats counts separately. A call ends when
    its response headers arrive, since the body is read later. Calling this again has no effect.

    Args:
        recorder: Records the calls; by default for the monitor of this process.
        guard: Delays each call until it fits into the quota; None delays none.

    Raises:
        ImportError: aiohttp is not installed.
    """
    _switch.on(recorder, guard)


def uninstrument_aiohttp() -> None:
    """Undo :func:`instrument_aiohttp`."""
    _switch.off()


def _wrap_request(
    request: Callable[..., Awaitable[ClientResponse]],
) -> Wrapper[Awaitable[ClientResponse]]:
    async def request_and_record(args: Args, kwargs: Kwargs) -> ClientResponse:
        if not args:
            return await request(**kwargs)  # it says what is missing
        session: ClientSession = args[0]
        outer = current_call()
        if outer is None or outer.sent is not _RECORDED_OUTSIDE or outer.owner is not session:
            return await _recorded(request, session, args, kwargs)
        outer.sent = None  # later requests of the same session are other calls
        _add_attempt_middleware(session, kwargs)
        return await request(*args, **kwargs)

    return request_and_record


def _wrap_method(method: str) -> Callable[[Callable[..., Any]], Wrapper[Any]]:
    """Wrap ``ClientSession.get`` and the like, which matters only with a test double.

    Args:
        method: HTTP method of the function; empty for ``request``, which takes it as an argument.
    """

    def wrap(method_function: Callable[..., Any]) -> Wrapper[Any]:
        def record_request(args: Args, kwargs: Kwargs) -> Any:
            request_context = method_function(*args, **kwargs)
            if _is_replaced():
                call_args = args[1:] if method else args[2:]
                url = argument(call_args, kwargs, 0, "url")
                arguments = (args[0], method or argument(args, kwargs, 1, "method"), url)
                answer = request_context._coro
                request_context._coro = _recorded(
                    lambda *_, **__: answer, args[0], arguments, kwargs, sent=_RECORDED_OUTSIDE
                )
            return request_context

        return record_request

    return wrap


def _is_replaced() -> bool:
    """Return whether a test double has replaced ``ClientSession._request`` with its function."""
    return vars(library("aiohttp").ClientSession)["_request"] is not _request.function


async def _recorded(
    request: Callable[..., Awaitable[ClientResponse]],
    session: ClientSession,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    sent: object = None,
) -> ClientResponse:
    """Make a request and record it.

    Args:
        request: Makes it; called with ``args`` and ``kwargs``.
        session: The client.
        args: Arguments of ``ClientSession._request``, the session first.
        kwargs: Its keyword arguments; a middleware of ours may be added.
        sent: Marks a call that is recorded outside of ``_request``.
    """
    _finalize_orphaned()
    method, str_or_url = (
        argument(args, kwargs, 1, "method"),
        argument(args, kwargs, 2, "str_or_url"),
    )
    url = _whole_url(session, str_or_url, kwargs.get("params"))
    hook = hook_for(url, _switch)
    if hook is None:
        with Detached():
            return await request(*args, **kwargs)
    _add_attempt_middleware(session, kwargs)
    headers = header_fields(session.headers, kwargs.get("headers"))
    async with RateLimitSlot(hook.recorder, hook.guard, url, headers) as slot:
        body = _body(kwargs)
        call = Call(hook.recorder, text_of(method), url, headers, body, owner=session, sent=sent)
        with call:
            response = await request(*args, **kwargs)
        if isinstance(response, library("aiohttp").ClientResponse):
            call.on_result(response.status, response.headers)
            slot.observe(call.answer)
            if response.history:
                call.on_history(response)
            _finalize_or_expect_body(call, response)
    return response


def _body(options: dict[str, Any]) -> object:
    json = options.get("json")
    return options.get("data") if json is None else json


def _whole_url(session: ClientSession, str_or_url: Any, params: Any) -> str:
    """Return the URL as aiohttp will make it; empty when it will refuse it."""
    try:
        url = session._build_url(str_or_url)
        return str(url.update_query(params) if params else url)
    except Exception as error:  # noqa: BLE001 - objects of the app's; aiohttp meets their error too
        raise_if_asynchronous(error)
        return ""


def _add_attempt_middleware(session: ClientSession, options: dict[str, Any]) -> None:
    """Add our middleware as the innermost one, below those of the app that may repeat a request."""
    given = options.get("middlewares")
    middlewares = getattr(session, "_middlewares", ()) if given is None else given
    if middlewares and isinstance(middlewares, Sequence):
        options["middlewares"] = (*middlewares, _attempt_middleware)


async def _attempt_middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    call = current_call()
    if call is None:
        return await handler(request)
    call.on_attempt()
    try:
        return await handler(request)
    except BaseException as error:
        call.on_error(error)
        raise


def _wrap_start(start: Callable[..., Awaitable[Any]]) -> Wrapper[Awaitable[Any]]:
    async def start_and_note_response(args: Args, kwargs: Kwargs) -> Any:
        started = await start(*args, **kwargs)
        call = current_call()
        if call is not None:
            call.on_response(args[0].status, args[0].headers)
        return started

    return start_and_note_response


def _finalize_or_expect_body(call: Call, response: ClientResponse) -> None:
    if not _is_told_by_content(response):
        call.finalize(None)
        return
    _register_exit_handler()
    _unread[response] = call
    call.expect_body()
    # An app may drop a response without closing it. The garbage collector can then interrupt any
    # code, even our own while it holds a lock, so do not record here: the event loop does it later.
    weakref.finalize(response, _finalize_collected, asyncio.get_running_loop(), call).atexit = False


def _is_told_by_content(response: ClientResponse) -> bool:
    """Return whether the body is needed: for a failure, JSON, or a GraphQL response."""
    if response.status >= 400 or is_graphql_path(response.url.path):
        return True
    is_json = "json" in response.headers.get("Content-Type", "")
    return is_json and has_content(response.method.upper(), response.status)


def _finalize_collected(loop: asyncio.AbstractEventLoop, call: Call) -> None:
    try:
        loop.call_soon_threadsafe(call.finalize, None)
    except RuntimeError:  # the loop is closed
        _orphaned.append(call)


def _finalize_orphaned() -> None:
    while _orphaned:
        _orphaned.popleft().finalize(None)


@functools.cache
def _register_exit_handler() -> None:
    atexit.register(_finalize_all)


def _finalize_all() -> None:
    _orphaned.extend(tuple(_unread.values()))
    _finalize_orphaned()


def _wrap_read(read: Callable[..., Awaitable[bytes]]) -> Wrapper[Awaitable[bytes]]:
    async def read_and_finalize(args: Args, kwargs: Kwargs) -> bytes:
        # Before it is read, because a read that fails closes the response.
        call = _unread.pop(args[0], None) if args else None
        if call is None:
            return await read(*args, **kwargs)
        try:
            body = await read(*args, **kwargs)
        except BaseException as error:
            call.finalize_with_error(error)
            raise
        call.finalize(body)
        return body

    return read_and_finalize


def _wrap_release(method: Callable[..., Any]) -> Wrapper[Any]:
    def finalize_and_release(args: Args, kwargs: Kwargs) -> Any:
        if args and (call := _unread.pop(args[0], None)) is not None:
            call.finalize(None)
        return method(*args, **kwargs)

    return finalize_and_release


_request = Patch("aiohttp.client", "ClientSession._request", _wrap_request)
_switch = Switch(
    "aiohttp",
    (
        _request,
        Patch("aiohttp.client", "ClientSession.request", _wrap_method("")),
        *(
            Patch("aiohttp.client", f"ClientSession.{name}", _wrap_method(name.upper()))
            for name in ("get", "options", "head", "post", "put", "patch", "delete")
        ),
        Patch("aiohttp.client_reqrep", "ClientResponse.start", _wrap_start),
        Patch("aiohttp.client_reqrep", "ClientResponse.read", _wrap_read),
        Patch("aiohttp.client_reqrep", "ClientResponse.release", _wrap_release),
        Patch("aiohttp.client_reqrep", "ClientResponse.close", _wrap_release),
    ),
)
