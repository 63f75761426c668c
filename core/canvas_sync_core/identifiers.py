"""Names of this machine and process, and random ones; getting them never fails.

An app's tests replace such functions, some systems cannot name their machine or forbid asking for
random bytes, and neither may end a sync.
"""

from __future__ import annotations

import os
import socket
from typing import Final

from .asynchronous import raise_if_asynchronous

__all__ = ["getpid", "host_name", "random_hex"]

getpid: Final = os.getpid
"""The system's function, even if an app's tests replace that of :mod:`os`."""

_NO_NAME: Final = "unknown"
_urandom: Final = os.urandom


def host_name() -> str:
    """Return this machine's name; ``unknown`` if it has none."""
    try:
        name = socket.gethostname()
    except Exception as error:  # noqa: BLE001 - one that is not UTF-8, or the app's replacement
        raise_if_asynchronous(error)
        return _NO_NAME
    return name if type(name) is str and name else _NO_NAME


def random_hex(size: int) -> str:
    """Return ``size`` random bytes in hexadecimal, unaffected by ``random.seed()`` and forks."""
    try:
        return _urandom(size).hex()
    except (OSError, NotImplementedError) as error:
        raise_if_asynchronous(error)
        from random import Random  # noqa: PLC0415 - slow, and next to never needed

        # A new generator takes its seed from the clock and the process id in this case.
        return Random().randbytes(size).hex()  # noqa: S311 - these are not secrets
