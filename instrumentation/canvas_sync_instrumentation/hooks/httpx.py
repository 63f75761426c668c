"""Records each Canvas API call that an app makes through ``httpx``, in threads or in an event loop.

``Client.send`` is one call: every way to ask leads there, whatever transport is mounted, and
redirects and the requests of an ``auth`` flow are sent from within. Below, ``httpcore``'s pools see
each try, also those of a transport that repeats what failed. OpenTelemetry's hook wraps neither, so
that both can be switched on and off in any order.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ._calls import Apart, Call, current_call
from ._holding import Holding
from ._patch import Patch
from ._recorder import Recorder
from ._switch import Switch, Use

if TYPE_CHECKING:
    import httpcore
    import httpx

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_httpx", "uninstrument_httpx"]


def instrument_httpx(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every request to Canvas that goes through any client of httpx from now on.

    Clients made before are seen too, and every transport. Requests to other servers pass
    untouched; ``CANVAS_SYNC_CANVAS_HOSTS`` says which are Canvas. A call counts once with the
    redirects it follows; a try that failed and that a transport or an ``auth`` flow repeats counts
    by itself. A streamed answer is left for its reader: its status and headers are recorded.
    Calling it again changes nothing.

    Args:
        recorder: Where calls are reported; the monitor of this process when None.
        guard: Holds each call back until the quota has room for it; None holds back none.

    Raises:
        ImportError: httpx is not installed.
    """
    _switch.on(recorder, guard)


def uninstrument_httpx() -> None:
    """Undo :func:`instrument_httpx`."""
    _switch.off()


def _patches() -> tuple[tuple[Patch, type], ...]:
    import httpcore  # noqa: PLC0415 - comes with httpx
    import httpx  # noqa: PLC0415 - may not be installed

    return (
        (_send, httpx.Client),
        (_send_async, httpx.AsyncClient),
        (_handle, httpcore.ConnectionPool),
        (_handle_async, httpcore.AsyncConnectionPool),
    )


def _holding(use: Use, request: httpx.Request) -> Holding:
    return Holding(use.recorder, use.guard, str(request.url), request.headers)


def _call_of(use: Use, client: object, request: httpx.Request) -> Call:
    body = getattr(request, "_content", None)
    url = str(request.url)
    return Call(
        use.recorder, request.method, url, request.headers, body, owner=client, sent=request
    )


def _is_under_way(request: httpx.Request) -> bool:
    """Tell whether another wrapper of ours, which one of another library hides, records it."""
    outer = current_call()
    return outer is not None and outer.sent is request


def _end(call: Call, response: httpx.Response) -> None:
    call.got(response.status_code, response.headers)
    call.followed(response)
    call.settle(getattr(response, "_content", None))  # absent while it is a stream


def _recording(send: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    @functools.wraps(send, updated=())  # a mark that another library left is not ours to carry
    def recording_send(self: httpx.Client, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        if _is_under_way(request):
            return send(self, request, **kwargs)
        use = _switch.use_for(str(request.url))
        if use is None:
            with Apart():
                return send(self, request, **kwargs)
        with _holding(use, request) as holding:
            call = _call_of(use, self, request)
            with call:
                response = send(self, request, **kwargs)
            holding.saw(response.status_code, response.headers)
        _end(call, response)
        return response

    return recording_send


def _recording_async(
    send: Callable[..., Awaitable[httpx.Response]],
) -> Callable[..., Awaitable[httpx.Response]]:
    @functools.wraps(send, updated=())
    async def recording_send(
        self: httpx.AsyncClient, request: httpx.Request, **kwargs: Any
    ) -> httpx.Response:
        if _is_under_way(request):
            return await send(self, request, **kwargs)
        use = _switch.use_for(str(request.url))
        if use is None:
            with Apart():
                return await send(self, request, **kwargs)
        async with _holding(use, request) as holding:
            call = _call_of(use, self, request)
            with call:
                response = await send(self, request, **kwargs)
            holding.saw(response.status_code, response.headers)
        _end(call, response)
        return response

    return recording_send


def _trying(handle: Callable[..., httpcore.Response]) -> Callable[..., httpcore.Response]:
    @functools.wraps(handle, updated=())
    def trying_handle(self: Any, request: httpcore.Request) -> httpcore.Response:
        call = current_call()
        if call is None:
            return handle(self, request)
        call.tries()
        try:
            response = handle(self, request)
        except BaseException as error:
            call.got_none(error)
            raise
        call.got(response.status, _failure_headers(response))
        return response

    return trying_handle


def _trying_async(
    handle: Callable[..., Awaitable[httpcore.Response]],
) -> Callable[..., Awaitable[httpcore.Response]]:
    @functools.wraps(handle, updated=())
    async def trying_handle(self: Any, request: httpcore.Request) -> httpcore.Response:
        call = current_call()
        if call is None:
            return await handle(self, request)
        call.tries()
        try:
            response = await handle(self, request)
        except BaseException as error:
            call.got_none(error)
            raise
        call.got(response.status, _failure_headers(response))
        return response

    return trying_handle


def _failure_headers(response: httpcore.Response) -> dict[str, str]:
    """Give the headers as text; of a failure only, since others are known further out."""
    if response.status < 400:
        return {}
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}


_send = Patch("send", _recording)
_send_async = Patch("send", _recording_async)
_handle = Patch("handle_request", _trying)
_handle_async = Patch("handle_async_request", _trying_async)
_switch = Switch("httpx", _patches)
