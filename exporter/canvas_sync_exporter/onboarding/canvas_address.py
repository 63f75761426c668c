"""Finds the host of Canvas in the environment and in ``.env``, which also hold its token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from canvas_sync_core.files.regular_file import read_regular_file

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
_ASSIGNMENT: Final = re.compile(
    rf"\s*(?:export\s+)?({'|'.join(_VARIABLES)})\s*=\s*(['\"]?)([^'\"\s#]+)\2\s*(?:#.*)?"
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


def find_canvas(environ: Mapping[str, str], folder: Path) -> CanvasAddress | None:
    """Return the first address that the environment names, else ``.env`` in the project.

    Only the variables with an address are looked at, and only the host is kept: an address can hold
    a password.
    """
    in_file = _read_env_file(folder / ".env")
    for values, place in ((environ, "the environment"), (in_file, ".env")):
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


def _read_env_file(path: Path) -> dict[str, str]:
    try:
        lines = read_regular_file(path).text.splitlines()
    except (OSError, ValueError):
        return {}
    return {match[1]: match[3] for match in map(_ASSIGNMENT.fullmatch, lines) if match}
