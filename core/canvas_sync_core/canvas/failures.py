"""Classifies why a request got no response, from its exception, without importing HTTP clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .attributes import attribute

__all__ = ["error_class"]

_TIMEOUTS: Final = frozenset({"Timeout", "TimeoutError", "TimeoutException"})
_CANCELLED: Final = frozenset({"Cancelled", "CancelledError"})  # trio, asyncio
_CONNECTIONS: Final = frozenset(
    {
        "ChunkedEncodingError",  # requests: the answer broke off
        "ClientConnectionError",  # aiohttp
        "ClientPayloadError",  # aiohttp: the answer broke off
        "ConnectionError",  # built in, and requests
        "NetworkError",  # httpx
        "NewConnectionError",  # urllib3
        "ProtocolError",  # urllib3, httpx
        "ProxyError",
        "SSLError",
        "gaierror",
    }
)


def error_class(error: BaseException) -> str:
    """Return ``timeout``, ``connection``, ``cancelled`` or ``other`` for what a client raised.

    Clients wrap the original error: after several attempts, requests reports a read timeout as its
    ``ConnectionError``, with the timeout inside. The innermost error decides.
    """
    classes = [_by_name(cause) for cause in _causes(error)]
    if "timeout" in classes:
        return "timeout"
    return next((name for name in ("connection", "cancelled") if name in classes), "other")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was made from (its argument, urllib3's ``reason``)."""
    seen: list[BaseException] = []
    cause: object = error
    while isinstance(cause, BaseException) and not any(cause is each for each in seen):
        seen.append(cause)
        yield cause
        reason = attribute(cause, "reason")
        cause = reason if isinstance(reason, BaseException) else _first_argument(cause)


def _first_argument(error: BaseException) -> object:
    args = attribute(error, "args")
    return args[0] if isinstance(args, tuple) and args else None


def _by_name(error: BaseException) -> str:
    names = {cls.__name__ for cls in type(error).__mro__}
    # In urllib3 1.x a refused connection also derives from its timeout error.
    if "NewConnectionError" in names:
        return "connection"
    if names & _TIMEOUTS:
        return "timeout"
    if names & _CANCELLED:
        return "cancelled"  # the app abandoned the call, which says nothing about Canvas
    return "connection" if names & _CONNECTIONS else "other"
