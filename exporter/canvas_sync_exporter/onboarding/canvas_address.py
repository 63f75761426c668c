"""Finds the host of Canvas in the environment, units and ``.env``, which also hold its token."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from .env_files import read_env_file
from .programs import ScheduledJob

__all__ = ["CanvasAddress", "find_canvas", "host_of"]

_VARIABLES: Final = (
    "CANVAS_API_URL",
    "CANVAS_URL",
    "CANVAS_BASE_URL",
    "CANVAS_API_BASE_URL",
    "CANVAS_INSTANCE_URL",
    "CANVAS_DOMAIN",
    "CANVAS_HOST",
)
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class CanvasAddress:
    """Where Canvas is.

    Attributes:
        host: Its host, with a port if it has one.
        source: Where that was found, such as ``CANVAS_API_URL in .env``.
    """

    host: str
    source: str


def find_canvas(
    environ: Mapping[str, str], folder: Path, jobs: Sequence[ScheduledJob] = ()
) -> CanvasAddress | None:
    """Return the first address that a variable names, in the order in which a sync would find them.

    Only the variables with an address are looked at, and only the host is kept: an address can hold
    a password.

    Args:
        environ: The environment, which comes first.
        folder: The project, whose ``.env`` comes last.
        jobs: What starts the sync, with the environment that systemd gives it.
    """
    sources = [(environ, "the environment")]
    sources += [(job.environ, f"the environment of {job.place}") for job in jobs]
    for values, place in (*sources, (read_env_file(folder / ".env"), ".env")):
        for name in _VARIABLES:
            if host := host_of(values.get(name, "")):
                return CanvasAddress(host, f"{name} in {place}")
    return None


def host_of(address: str) -> str:
    """Return the host of a URL, with its port; empty if it has none that can be one."""
    address = address.strip()
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(host):
        return ""
    return host if port is None else f"{host}:{port}"
