"""The sockets that the exporter listens on, and what to change if that is impossible."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, Final

from canvas_sync_core.errors import CanvasSyncMonitorError, SettingsError

__all__ = ["ListenError", "listen", "url_of"]

_BACKLOG: Final = 1024
_OTHER_PORT: Final = "choose another port with --port or CANVAS_SYNC_EXPORTER_PORT"
_OTHER_HOST: Final = "choose another address with --host or CANVAS_SYNC_EXPORTER_HOST"
_REMEDIES: Final = {
    errno.EADDRINUSE: f"Another program listens there, perhaps another exporter: end it, or "
    f"{_OTHER_PORT}",
    errno.EACCES: "Ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: "
    f"{_OTHER_PORT}",
    errno.EADDRNOTAVAIL: f"This machine does not have that address: {_OTHER_HOST}",
    errno.EAFNOSUPPORT: f"This machine has no IPv6: {_OTHER_HOST}",
}
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenError(CanvasSyncMonitorError):
    """The exporter cannot listen on its address; the message says where and what to change."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that a host name has, such as IPv4 and IPv6 for ``localhost``.

    Args:
        host: A name or an address.
        port: 0 takes a free one.

    Raises:
        SettingsError: The name has no address.
        ListenError: The port is taken, or may not be used, or no address is this machine's.
    """
    sockets: list[socket.socket] = []
    problem: OSError | None = None
    for family, address in _addresses(host, port):
        try:
            sockets.append(_listen_on(family, address))
        except OSError as error:
            problem = error
            if error.errno not in _NOT_HERE:
                break
    if sockets and (problem is None or problem.errno in _NOT_HERE):
        return sockets
    for each in sockets:
        each.close()
    raise _listen_error(host, port, problem) from problem


def url_of(listening: socket.socket) -> str:
    """The URL of what is served on a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{_host_and_port(host, port)}"


def _addresses(
    host: str, port: int
) -> dict[tuple[socket.AddressFamily, tuple[str | int, ...]], None]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError) as error:  # ValueError: a name that cannot be one, such as a..b
        raise SettingsError(
            f"CANVAS_SYNC_EXPORTER_HOST: {host!r} cannot be used: this "
            f"name has no address. Use an address of this machine such as 127.0.0.1 or ::1, "
            f"or {_OTHER_HOST}."
        ) from error
    pairs: list[tuple[socket.AddressFamily, Any]] = [(each[0], each[4]) for each in found]
    return dict.fromkeys(pairs)


def _listen_on(family: socket.AddressFamily, address: Any) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _listen_error(host: str, port: int, error: OSError | None) -> ListenError:
    number = error.errno if error else None
    why = os.strerror(number) if number else "no address"
    remedy = _REMEDIES.get(number or 0, f"{_OTHER_HOST}, or {_OTHER_PORT}".capitalize())
    return ListenError(f"Cannot listen on {_host_and_port(host, port)}: {why}. {remedy}")


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
