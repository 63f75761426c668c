"""Requests through a trusted reverse proxy: the original client and URL.

Only headers from a trusted proxy are used, and only the part that proxies have written: a client
can put anything to the left of that (RFC 7239, 8.1).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from canvas_sync_exporter.settings import Network

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["TrustedProxies"]

_FOR: Final = "HTTP_X_FORWARDED_FOR"
_PROTO: Final = "HTTP_X_FORWARDED_PROTO"
_HOST: Final = "HTTP_X_FORWARDED_HOST"
_PREFIX: Final = "HTTP_X_FORWARDED_PREFIX"
_HEADERS: Final = (_FOR, _PROTO, _HOST, _PREFIX)
_UNKNOWN: Final = "unknown"
"""The client's address if no proxy has given it; not a valid address (RFC 7239, 6.2)."""
_ADDRESS: Final = re.compile(r"\[?(?P<v6>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(\]:\d+|\])?")
_HOST_NAME: Final = re.compile(r"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)+")


class TrustedProxies:
    """Makes a WSGI app see the client's request instead of the proxy's.

    Args:
        app: The app.
        networks: The trusted proxies. Forwarded headers from others are removed.
    """

    def __init__(self, app: WSGIApplication, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = networks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        forwarded = {name: _values(environ.pop(name, "")) for name in _HEADERS}
        if self._trusts(environ.get("REMOTE_ADDR", "")):
            self._apply_forwarded(environ, forwarded)
        return self._app(environ, start_response)

    def _apply_forwarded(self, environ: WSGIEnvironment, forwarded: dict[str, list[str]]) -> None:
        hops = forwarded[_FOR]
        if hops:
            environ["REMOTE_ADDR"], proxies = self._client(hops)
        else:
            proxies = 1
        if (scheme := _outermost(forwarded[_PROTO], proxies).lower()) in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        if _HOST_NAME.fullmatch(host := _outermost(forwarded[_HOST], proxies)):
            environ["HTTP_HOST"] = host
        prefix = _outermost(forwarded[_PREFIX], proxies).rstrip("/")
        if _PATH.fullmatch(prefix) and not {".", ".."} & set(prefix.split("/")):
            environ["SCRIPT_NAME"] = prefix + environ.get("SCRIPT_NAME", "")

    def _client(self, hops: Sequence[str]) -> tuple[str, int]:
        """The nearest address that is not a trusted proxy, and the number of proxies before it."""
        for count, hop in enumerate(reversed(hops), start=1):
            address = _address(hop)
            if not self._trusts(address):
                return address, count
        return _address(hops[0]), len(hops)

    def _trusts(self, address: str) -> bool:
        try:
            found: Any = ipaddress.ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._networks)


def _values(header: str) -> list[str]:
    return [value.strip() for value in header.split(",")] if header.strip() else []


def _outermost(values: Sequence[str], proxies: int) -> str:
    """Return the value from the outermost trusted proxy, if each proxy has added one."""
    return values[-min(proxies, len(values))] if values else ""


def _address(hop: str) -> str:
    """The address of a hop, without its port."""
    match = _ADDRESS.fullmatch(hop)
    address = match["v6"] if match else hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return _UNKNOWN
