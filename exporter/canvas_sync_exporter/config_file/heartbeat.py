"""The section ``[heartbeat]``: a URL that is called while everything can be judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .table import Table

__all__ = ["HeartbeatSettings", "read_heartbeat"]


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """Where the exporter reports that it is alive.

    Attributes:
        url: The URL, or None. It may contain a key, so it is never shown.
    """

    url: str | None = field(default=None, repr=False)


def read_heartbeat(table: Table) -> HeartbeatSettings:
    """Read the section."""
    url = table.parsed("url", _http_url, '"https://hc-ping.com/..."')
    table.reject_unknown()
    return HeartbeatSettings(url)


def _http_url(text: str) -> str:
    hint = "write a URL that begins with https:// or http://"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{hint}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable():
        raise ValueError(hint)
    if " " in text or not text.isascii():
        raise ValueError(f"{hint}, with other characters percent-encoded")
    return text
