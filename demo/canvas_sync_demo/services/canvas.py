"""``python -m canvas_sync_demo.services.canvas``: the demo's simulated Canvas, until SIGTERM.

It listens on every address of its container, for other containers: its data is made up, and its
access tokens are no secrets.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence

from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_demo.cast import fault_plan

from .signals import stop_event

__all__ = ["main"]

_DAY_SECONDS = 60.0
_TERM_DAYS = 60


def main(argv: Sequence[str] | None = None) -> int:
    """Serve what the command line describes; every minute a day of term passes."""
    parser = argparse.ArgumentParser(prog="python -m canvas_sync_demo.services.canvas")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--seed", type=int, default=1, help="makes the data")
    arguments = parser.parse_args(argv)
    stopping = stop_event()
    while not stopping.is_set():
        with CanvasServer(
            arguments.seed, plan=fault_plan(), host=arguments.host, port=arguments.port
        ) as server:
            print(
                f"A simulated Canvas listens on {arguments.host}, port {server.port}.", flush=True
            )
            _pass_term(server, stopping)
    return 0


def _pass_term(server: CanvasServer, stopping: threading.Event) -> None:
    """Let days pass; start over after each term, or the data would grow forever."""
    for _ in range(_TERM_DAYS):
        if stopping.wait(_DAY_SECONDS):
            return
        server.evolve()


if __name__ == "__main__":
    sys.exit(main())
