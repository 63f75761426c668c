"""The server: its listening sockets, its limit on connections, its shutdown."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from .channel import IDLE_SECONDS, Channel

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["HttpServer"]

_MAX_CONNECTIONS: Final = 180
_SPARE: Final = 20
_DRAIN_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 1.0
_LIMITS: Final[dict[str, Any]] = {
    "threads": 40,  # for requests, waiting ones and log streams, and 4 for health and scrapes
    "channel_timeout": int(IDLE_SECONDS),
    "cleanup_interval": 1,
    "max_request_header_size": 64 * 1024,
    "max_request_body_size": 64 * 1024,
    "channel_request_lookahead": 1,  # or a disconnect is only detected on write
    "log_socket_errors": False,  # a client that resets its connection is not worth logging
    "clear_untrusted_proxy_headers": False,  # the app does that, and supports several proxies
    "ident": "canvas-sync-monitor",
}


class _Listener(TcpWSGIServer):
    """One listening socket."""

    channel_class = Channel
    _map: dict[int, Any]

    def readable(self) -> bool:
        """Return whether a connection may be accepted; called before each wait for events."""
        _make_room(self._map, self.adj.connection_limit - _SPARE)
        return super().readable()

    def maintenance(self, now: float) -> None:
        """Close the connections whose clients take too long."""
        listener: Any = self
        for channel in tuple(listener.active_channels.values()):
            channel.enforce_deadlines(now)


def _most_connections() -> int:
    """Maximum number of open connections: logs, database and metric files need descriptors too."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_unlimited = descriptors == resource.RLIM_INFINITY
    return _MAX_CONNECTIONS if is_unlimited else min(_MAX_CONNECTIONS, descriptors // 2)


def _make_room(connections: dict[int, Any], limit: int) -> None:
    """If there are many connections, close those that have waited longest for their clients.

    Otherwise idle connections could use up the limit and block every other client.
    """
    channels = [each for each in connections.values() if isinstance(each, Channel)]
    excess = len(channels) - limit
    if excess > 0:
        waiting = [each for each in channels if each.is_waiting]
        for channel in sorted(waiting, key=lambda each: each.waiting_since)[:excess]:
            channel.handle_close()  # not `will_close`, which waits until it can be written to


class HttpServer:
    """Serves an app until it is stopped.

    Args:
        app: The WSGI app.
        sockets: Listening sockets, owned by the caller: connections between two servers wait.
    """

    def __init__(self, app: WSGIApplication, sockets: Sequence[socket.socket]) -> None:
        own = [each.dup() for each in sockets]
        most = _most_connections() + _SPARE
        limits: Any = {**_LIMITS, "connection_limit": most, "sockets": own}
        adjustments = Adjustments(**limits)
        self._dispatcher = ThreadedTaskDispatcher()
        self._dispatcher.set_thread_count(adjustments.threads)
        self._map: dict[int, Any] = {}
        self._listeners = [
            _Listener(
                app,
                self._map,
                True,
                each,
                dispatcher=self._dispatcher,
                adj=adjustments,
                bind_socket=False,
                sockinfo=(each.family, each.type, each.proto, each.getsockname()),
            )
            for each in own
        ]

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Serve while ``goes_on()`` is true; then answer pending requests, for up to 5 s.

        Args:
            goes_on: Called after every event, at least once a second, and after :meth:`wake`.
        """
        while goes_on():
            self._poll(_POLL_SECONDS)
        for listener in self._listeners:
            listener.accepting = False
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline and self._owes_answers():
            self._poll(0.1)

    def wake(self) -> None:
        """Check immediately whether to go on. May be called from a signal handler."""
        self._listeners[0].pull_trigger()

    def close(self) -> None:
        """Close all connections and end the threads, idle ones immediately."""
        self._dispatcher.shutdown(timeout=0 if self._owes_answers() else 5)
        for channel in self._channels():
            channel.handle_close()  # also closes the temporary file with the rest of its answer
        wasyncore.close_all(self._map)

    def _poll(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _owes_answers(self) -> bool:
        return any(channel.is_owed_an_answer(time.time()) for channel in self._channels())

    def _channels(self) -> list[Channel]:
        return [each for each in self._map.values() if isinstance(each, Channel)]
