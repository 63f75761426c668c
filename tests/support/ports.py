"""Ports for servers that cannot choose one themselves."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

__all__ = ["unused_port"]

_LOWEST: Final = 10_000
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def unused_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens.

    It is below those that the kernel gives to outgoing connections and to servers that take any:
    one of those may be gone to another test before the server of this one listens there.
    """
    highest = int(_EPHEMERAL.read_text(encoding="ascii").split()[0]) - 1
    chance = random.SystemRandom()  # other tests set the seed
    while True:
        port = chance.randint(_LOWEST, highest)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
