"""A WSGI app on the exporter's own server, in a thread, on a free port of loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from canvas_sync_exporter.http_server import HttpServer, listen, url_of

__all__ = ["serving_as_exporter"]


@contextmanager
def serving_as_exporter(app: Callable[..., Any]) -> Iterator[str]:
    """Serve ``app`` while the block runs; gives its URL."""
    sockets = listen("127.0.0.1", 0)
    server = HttpServer(app, sockets)
    stopping = threading.Event()
    thread = threading.Thread(target=lambda: server.run(lambda: not stopping.is_set()))
    thread.start()
    try:
        yield url_of(sockets[0])
    finally:
        stopping.set()
        server.wake()
        thread.join()
        server.close()
        for each in sockets:
            each.close()
