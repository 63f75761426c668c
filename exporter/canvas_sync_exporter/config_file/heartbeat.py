"""The section ``[heartbeat]``: a URL that is called while everything can be judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from .table import Table
from .urls import http_url

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
    url = table.parsed("url", http_url, '"https://hc-ping.com/..."', is_secret=True)
    table.reject_unknown()
    return HeartbeatSettings(url)
