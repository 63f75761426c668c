"""The patches of ``requests``, shared by the hooks of requests and canvasapi.

From the outside in:

- ``Session.request`` is patched only so that OpenTelemetry's own hook, which wraps ``send``, does
  not create a second span.
- ``Session.send`` is one call.
- ``HTTPAdapter.send`` and ``dispatch_hook`` decide whether urllib3's traffic belongs to the call.
  The app's response hooks run inside the call, but what they send through urllib3 does not belong
  to it, unless they repeat the request with ``HTTPAdapter.send``.
- urllib3 (``ATTEMPT_PATCHES``) sees what goes over the wire: the request, redirects, retries, and
  what a cache lets through.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from canvas_sync_instrumentation.outputs.spans import is_provider_set

from ._arguments import argument, text_of
from ._calls import Call, Detached, SuppressInstrumentation, current_call
from ._patch import Args, Kwargs, Patch, Wrapper
from ._rate_limit_slot import RateLimitSlot
from ._required import library
from ._switch import ActiveHook, Switch, hook_for
from .urllib3 import ATTEMPT_PATCHES

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

__all__ = ["CANVASAPI", "REQUESTS"]

_HISHEL: Final = "X-Hishel-From-Cache"
_HISHEL_MODULE: Final = "hishel"


def _wrap_request(request: Callable[..., Response]) -> Wrapper[Response]:
    def request_without_second_span(args: Args, kwargs: Kwargs) -> Response:
        if current_call() is None and not is_provider_set():
            return request(*args, **kwargs)  # there is no monitor
        with Detached():  # redirects do not pass here, so this is never part of another call
            url = text_of(argument(args, kwargs, 2, "url"))
            hook = hook_for(url, REQUESTS, CANVASAPI)
            if hook is None:
                return request(*args, **kwargs)
            with SuppressInstrumentation(hook.recorder):
                return request(*args, **kwargs)

    return request_without_second_span


def _wrap_send(send: Callable[..., Response]) -> Wrapper[Response]:
    def send_and_record(args: Args, kwargs: Kwargs) -> Response:
        session, request = args[0] if args else None, argument(args, kwargs, 1, "request")
        outer = current_call()
        if not isinstance(request, library("requests").PreparedRequest) or (
            outer is not None and _is_part(outer, session, request, kwargs)
        ):
            return send(*args, **kwargs)
        url = request.url
        hook = hook_for(url, REQUESTS, CANVASAPI) if isinstance(url, str) else None
        if hook is None:
            with Detached():
                return send(*args, **kwargs)
        return _recorded(hook, session, request, functools.partial(send, *args, **kwargs))

    return send_and_record


def _recorded(
    hook: ActiveHook, session: object, request: PreparedRequest, send: Callable[[], Response]
) -> Response:
    if hook.guard is None:
        with _call_of(hook, session, request) as call:
            response = send()
        is_new = _note_result(call, response)
    else:
        headers: Mapping[str, Any] = request.headers or {}
        with RateLimitSlot(hook.recorder, hook.guard, request.url or "", headers) as slot:
            with _call_of(hook, session, request) as call:
                response = send()
            is_new = _note_result(call, response)
            slot.observe(call.answer)
    call.finalize(_loaded_body(response) if is_new else None)
    return response


def _call_of(hook: ActiveHook, session: object, request: PreparedRequest) -> Call:
    headers: Mapping[str, Any] | None = request.headers  # None before it is prepared
    return Call(
        hook.recorder,
        request.method or "",
        request.url or "",
        {} if headers is None else headers,
        request.body,
        owner=session,
        sent=request,
        uses_urllib3=True,
    )


def _note_result(call: Call, response: object) -> bool:
    """Note the response that the session returns; return whether it came over the wire."""
    if not isinstance(
        response, library("requests").Response
    ):  # a response hook of the app has replaced it
        return False
    if response.history:
        call.on_history(response, _is_cached)
    return call.on_result(response.status_code, response.headers, from_cache=_is_cached(response))


def _is_part(outer: Call, session: object, request: PreparedRequest, options: Kwargs) -> bool:
    """Return whether the session sends this as part of its current call, to follow a redirect."""
    is_same_session = outer.owner is session
    return is_same_session and (outer.sent is request or options.get("allow_redirects") is False)


def _wrap_adapter_send(send: Callable[..., Response]) -> Wrapper[Response]:
    def send_within_call(args: Args, kwargs: Kwargs) -> Response:
        call = current_call()
        if call is None or call.uses_urllib3:
            return send(*args, **kwargs)
        call.uses_urllib3 = True
        try:
            return send(*args, **kwargs)
        finally:
            call.uses_urllib3 = False

    return send_within_call


def _wrap_dispatch_hook(dispatch_hook: Callable[..., Any]) -> Wrapper[Any]:
    def dispatch_outside_call(args: Args, kwargs: Kwargs) -> Any:
        call = current_call()
        if call is None or not call.uses_urllib3:
            return dispatch_hook(*args, **kwargs)
        call.uses_urllib3 = False
        try:
            return dispatch_hook(*args, **kwargs)
        finally:
            call.uses_urllib3 = True

    return dispatch_outside_call


def _is_cached(response: Response) -> bool:
    """Return whether a response is from a cache: CacheControl, hishel or requests-cache."""
    if _HISHEL_MODULE in sys.modules and response.headers.get(_HISHEL) == "true":
        return True
    return bool(getattr(response, "from_cache", False))


def _loaded_body(response: Response) -> bytes | None:
    """Return the content only if it was loaded: a stream is the caller's to read."""
    content = getattr(response, "_content", None)
    return content if isinstance(content, bytes) else None


_PATCHES: Final = (
    Patch("requests.sessions", "Session.request", _wrap_request),
    Patch("requests.sessions", "Session.send", _wrap_send),
    Patch("requests.adapters", "HTTPAdapter.send", _wrap_adapter_send),
    Patch("requests.hooks", "dispatch_hook", _wrap_dispatch_hook),
    *ATTEMPT_PATCHES,
)
REQUESTS: Final = Switch("requests", _PATCHES)
CANVASAPI: Final = Switch("canvasapi", _PATCHES)
