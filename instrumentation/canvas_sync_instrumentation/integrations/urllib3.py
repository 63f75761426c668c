"""Records each Canvas API call that an app makes through ``urllib3``, and attempts of requests.

``urlopen`` of a ``PoolManager`` or of a pool is one call; both call themselves again for a redirect
or a retry. ``Retry.increment`` gets each failed attempt
(https://urllib3.readthedocs.io/en/stable/reference/urllib3.util.html#urllib3.util.Retry). What
requests sends belongs to the call of its own hook; botocore opens pools directly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from canvas_sync_instrumentation.call_recorder import Recorder

from ._arguments import argument, header_fields, text_of
from ._calls import Call, Detached, current_call
from ._patch import Args, Kwargs, Patch, Wrapper
from ._rate_limit_slot import RateLimitSlot
from ._switch import Switch, hook_for

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, Retry

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["ATTEMPT_PATCHES", "instrument_urllib3", "uninstrument_urllib3"]

_PORTS: Final = {"http": 80, "https": 443}


def instrument_urllib3(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every request to Canvas that goes through urllib3 from now on.

    Existing pools are included. Requests to other servers are not affected;
    ``CANVAS_SYNC_CANVAS_HOSTS`` defines which are Canvas. A call counts once, with the redirects
    that urllib3 follows; a failed attempt that urllib3 repeats (``Retry``) counts separately. Calls
    of requests are recorded by its own hook if that is on, otherwise by this one. Calling this
    again has no effect.

    Args:
        recorder: Records the calls; by default for the monitor of this process.
        guard: Delays each call until it fits into the quota; None delays none.

    Raises:
        ImportError: urllib3 is not installed.
    """
    _switch.on(recorder, guard)


def uninstrument_urllib3() -> None:
    """Undo :func:`instrument_urllib3`."""
    _switch.off()


def _wrap_urlopen(urlopen: Callable[..., BaseHTTPResponse]) -> Wrapper[BaseHTTPResponse]:
    def open_and_record(args: Args, kwargs: Kwargs) -> BaseHTTPResponse:
        outer = current_call()
        if outer is not None and outer.uses_urllib3:
            if outer.answer is not None:
                outer.on_redirect(_whole_url(args, kwargs))
            outer.on_attempt()
            response = urlopen(*args, **kwargs)
            outer.on_response(response.status, response.headers)
            return response
        url = _whole_url(args, kwargs)
        hook = hook_for(url, _switch)
        if hook is None:
            with Detached():
                return urlopen(*args, **kwargs)
        headers = _headers(args, kwargs)
        with RateLimitSlot(hook.recorder, hook.guard, url, headers) as slot:
            method = text_of(argument(args, kwargs, 1, "method"))
            body = argument(args, kwargs, 3, "body")
            call = Call(hook.recorder, method, url, headers, body, owner=args[0], uses_urllib3=True)
            with call:
                response = urlopen(*args, **kwargs)
            call.on_result(response.status, response.headers)
            slot.observe(call.answer)
        call.finalize(_loaded_body(response))
        return response

    return open_and_record


def _whole_url(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the URL with the pool's host; empty when urllib3 will refuse it."""
    url = argument(args, kwargs, 2, "url")
    if not args or not isinstance(url, str):
        return ""
    if "://" in url or not hasattr(args[0], "scheme"):
        return url
    pool = args[0]
    host = f"[{pool.host}]" if ":" in pool.host else pool.host
    is_usual = pool.port in (None, _PORTS.get(pool.scheme))
    return (
        f"{pool.scheme}://{host}{url}" if is_usual else f"{pool.scheme}://{host}:{pool.port}{url}"
    )


def _headers(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    given = argument(args, kwargs, 4, "headers")
    return header_fields(getattr(args[0], "headers", None) if given is None else given)


def _loaded_body(response: BaseHTTPResponse) -> bytes | None:
    """Return the content only if it was loaded: a stream is the caller's to read."""
    content = getattr(response, "_body", None)
    return content if isinstance(content, bytes) else None


def _wrap_increment(increment: Callable[..., Retry]) -> Wrapper[Retry]:
    def increment_and_note_failure(args: Args, kwargs: Kwargs) -> Retry:
        call = current_call()
        if call is None or not call.uses_urllib3:
            return increment(*args, **kwargs)
        response, error = argument(args, kwargs, 3, "response"), argument(args, kwargs, 4, "error")
        if error is not None:
            call.on_error(error)
        elif response is not None:
            call.on_response(response.status, response.headers)
        following = increment(*args, **kwargs)
        call.will_repeat()
        return following

    return increment_and_note_failure


_urlopen = Patch("urllib3.connectionpool", "HTTPConnectionPool.urlopen", _wrap_urlopen)
_manager_urlopen = Patch("urllib3.poolmanager", "PoolManager.urlopen", _wrap_urlopen)
_increment = Patch("urllib3.util.retry", "Retry.increment", _wrap_increment)
ATTEMPT_PATCHES: Final = (_urlopen, _increment)
"""Where the attempts of a requests call are observed."""
_switch = Switch("urllib3", (*ATTEMPT_PATCHES, _manager_urlopen))
