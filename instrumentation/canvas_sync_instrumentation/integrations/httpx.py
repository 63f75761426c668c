"""Records each Canvas API call that an app makes through ``httpx``, in threads or an event loop.

``Client.send`` is one call: every request goes through it, whatever the transport, and redirects
and the requests of an ``auth`` flow are sent inside it. Below it, ``httpcore``'s pools see each
attempt: those of a transport that repeats failed requests, and those that a cache lets through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from canvas_sync_instrumentation.call_recorder import Recorder

from ._arguments import argument
from ._calls import Call, Detached, current_call
from ._patch import Args, Kwargs, Patch, Wrapper
from ._rate_limit_slot import RateLimitSlot
from ._required import library
from ._switch import ActiveHook, Switch, hook_for

if TYPE_CHECKING:
    import httpcore
    import httpx

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_httpx", "uninstrument_httpx"]


def instrument_httpx(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every request to Canvas that goes through any client of httpx from now on.

    Existing clients and all transports are included. Requests to other servers are not affected;
    ``CANVAS_SYNC_CANVAS_HOSTS`` defines which are Canvas. A call counts once, with the redirects it
    follows; a failed attempt that a transport or an ``auth`` flow repeats counts separately. Of a
    streamed response, only status and headers are recorded. Responses from a cache such as hishel
    are not calls. Calling this again has no effect.

    Args:
        recorder: Records the calls; by default for the monitor of this process.
        guard: Delays each call until it fits into the quota; None delays none.

    Raises:
        ImportError: httpx is not installed.
    """
    _switch.on(recorder, guard)


def uninstrument_httpx() -> None:
    """Undo :func:`instrument_httpx`."""
    _switch.off()


def _slot(hook: ActiveHook, request: httpx.Request) -> RateLimitSlot:
    return RateLimitSlot(hook.recorder, hook.guard, str(request.url), request.headers)


def _call_of(hook: ActiveHook, client: object, request: httpx.Request) -> Call:
    body = getattr(request, "_content", None)
    url = str(request.url)
    return Call(hook.recorder, request.method, url, request.headers, body, owner=client)


def _note_result(call: Call, slot: RateLimitSlot, response: httpx.Response) -> bytes | None:
    """Observe the client's response; return its body if it was loaded from Canvas."""
    is_new = call.on_result(response.status_code, response.headers, from_cache=_is_cached(response))
    slot.observe(call.answer)
    if response.history:
        call.on_history(response, _is_cached)
    return getattr(response, "_content", None) if is_new else None  # absent while it is a stream


def _is_cached(response: httpx.Response) -> bool:
    """Return whether a response is from a cache: hishel sets one of these extensions."""
    extensions = response.extensions
    status = extensions.get("caching")
    if isinstance(status, Mapping) and status.get("from_cache"):
        return True
    return bool(extensions.get("hishel_from_cache") or extensions.get("from_cache"))


def _hook_for(request: Any) -> ActiveHook | None:
    is_request = isinstance(request, library("httpx").Request)
    return hook_for(str(request.url), _switch) if is_request else None


def _wrap_send(send: Callable[..., httpx.Response]) -> Wrapper[httpx.Response]:
    def send_and_record(args: Args, kwargs: Kwargs) -> httpx.Response:
        request = argument(args, kwargs, 1, "request")
        hook = _hook_for(request)
        if hook is None:
            with Detached():
                return send(*args, **kwargs)
        with _slot(hook, request) as slot:
            call = _call_of(hook, args[0], request)
            with call:
                response = send(*args, **kwargs)
            body = _note_result(call, slot, response)
        call.finalize(body)
        return response

    return send_and_record


def _wrap_async_send(
    send: Callable[..., Awaitable[httpx.Response]],
) -> Wrapper[Awaitable[httpx.Response]]:
    async def send_and_record(args: Args, kwargs: Kwargs) -> httpx.Response:
        request = argument(args, kwargs, 1, "request")
        hook = _hook_for(request)
        if hook is None:
            with Detached():
                return await send(*args, **kwargs)
        async with _slot(hook, request) as slot:
            call = _call_of(hook, args[0], request)
            with call:
                response = await send(*args, **kwargs)
            body = _note_result(call, slot, response)
        call.finalize(body)
        return response

    return send_and_record


def _wrap_handle(handle: Callable[..., httpcore.Response]) -> Wrapper[httpcore.Response]:
    def handle_and_note_attempt(args: Args, kwargs: Kwargs) -> httpcore.Response:
        call = current_call()
        if call is None:
            return handle(*args, **kwargs)
        call.on_attempt()
        try:
            response = handle(*args, **kwargs)
        except BaseException as error:
            call.on_error(error)
            raise
        call.on_response(response.status, _lasting_headers(response))
        return response

    return handle_and_note_attempt


def _wrap_async_handle(
    handle: Callable[..., Awaitable[httpcore.Response]],
) -> Wrapper[Awaitable[httpcore.Response]]:
    async def handle_and_note_attempt(args: Args, kwargs: Kwargs) -> httpcore.Response:
        call = current_call()
        if call is None:
            return await handle(*args, **kwargs)
        call.on_attempt()
        try:
            response = await handle(*args, **kwargs)
        except BaseException as error:
            call.on_error(error)
            raise
        call.on_response(response.status, _lasting_headers(response))
        return response

    return handle_and_note_attempt


def _lasting_headers(response: httpcore.Response) -> dict[str, str]:
    """Return the headers as text if the caller may get different ones, as for failures and 304."""
    if response.status < 400 and response.status != 304:
        return {}
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}


_switch = Switch(
    "httpx",
    (
        Patch("httpx._client", "Client.send", _wrap_send),
        Patch("httpx._client", "AsyncClient.send", _wrap_async_send),
        Patch("httpcore._sync.connection_pool", "ConnectionPool.handle_request", _wrap_handle),
        Patch(
            "httpcore._async.connection_pool",
            "AsyncConnectionPool.handle_async_request",
            _wrap_async_handle,
        ),
    ),
)
