"""The section ``[links]``: where dashboards and traces are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from .table import Table
from .urls import base_url, http_url

__all__ = ["LinkSettings", "read_links"]

_TRACE_ID: Final = "{trace_id}"


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Where dashboards and traces are, for links on the web pages and in messages.

    Attributes:
        grafana_url: Where people reach Grafana with our dashboards; None for no links to it.
        trace_url: The URL of a trace, with a placeholder for its id; None for no links to traces.
    """

    grafana_url: str | None = None
    trace_url: str | None = None

    def dashboard(self, uid: str, query: Mapping[str, object]) -> str | None:
        """Return the URL of a dashboard; None without Grafana.

        Args:
            uid: Its uid.
            query: Its range of time and its variables, such as ``var-sync_type``.
        """
        if self.grafana_url is None:
            return None
        text = urlencode(query, quote_via=quote, safe="")
        return f"{self.grafana_url}/d/{uid}{'?' if text else ''}{text}"

    def trace(self, trace_id: str) -> str | None:
        """Return the URL of a trace; None if it is not known where traces are."""
        if self.trace_url is None:
            return None
        return self.trace_url.replace(_TRACE_ID, quote(trace_id, safe=""))


def read_links(table: Table) -> LinkSettings:
    """Read the section."""
    settings = LinkSettings(
        grafana_url=table.parsed("grafana_url", base_url, '"https://grafana.example.edu"'),
        trace_url=table.parsed(
            "trace_url", _trace_url, f'"https://jaeger.example.edu/trace/{_TRACE_ID}"'
        ),
    )
    table.reject_unknown()
    return settings


def _trace_url(text: str) -> str:
    parts = urlsplit(http_url(text))
    if parts.username is not None:
        raise ValueError("write a URL without a password; everyone who sees a run sees it")
    if _TRACE_ID in parts.netloc or _TRACE_ID not in text:
        raise ValueError(f"write {_TRACE_ID} after the host, where the id of the trace belongs")
    return text
