"""The host of a URL, normalized.

Calls are distinguished by host too: an app may sync from several Canvas installations, which have
the same paths.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult

__all__ = ["host_of", "is_one_of"]

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def host_of(url: SplitResult) -> str:
    """Return host and port: in lower case, without credentials and without the default port.

    An unescaped slash in a password ends the host too early; the rest, which is not a port, is left
    out.
    """
    return _host(url.scheme, url.netloc.rpartition("@")[2])  # no password is kept


@lru_cache(maxsize=256)
def _host(scheme: str, host: str) -> str:
    host = host.lower()
    name, colon, port = host.rpartition(":")
    if colon and not port.isdecimal() and not host.endswith("]"):
        return name
    return host.removesuffix(_DEFAULT_PORTS.get(scheme, ""))


def is_one_of(url: SplitResult, hosts: Collection[str]) -> bool:
    """Return whether the host of ``url`` is among ``hosts``.

    Args:
        url: The URL of a request.
        hosts: In lower case; with a port (``canvas.example.edu:8443``) only this port counts.
    """
    host = host_of(url)
    with_port = host + _DEFAULT_PORTS.get(url.scheme, "")
    return host in hosts or with_port in hosts or (url.hostname or "").rstrip(".") in hosts
