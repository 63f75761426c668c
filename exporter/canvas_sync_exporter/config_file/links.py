"""The section ``[links]``: where the web pages, runbooks, dashboards and traces are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from .problems import Problem
from .table import Table
from .urls import base_url, http_url

__all__ = ["LinkSettings", "former_links", "read_links"]

_TRACE_ID: Final = "{trace_id}"
_PLACEHOLDER: Final = re.compile(r"\{\w*\}")
_FORMERLY_OF_MESSAGES: Final = ("page_url", "runbook_url")


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Where the pages of this and other programs are, for links on the web pages and in messages.

    Attributes:
        page_url: Where people reach the exporter; None for no links to it.
        runbook_url: The folder of the runbooks; None for those of the exporter.
        grafana_url: Where people reach Grafana with our dashboards; None for no links to it.
        trace_url: The URL of a trace, with a placeholder for its id; None for no links to traces.
    """

    page_url: str | None = None
    runbook_url: str | None = None
    grafana_url: str | None = None
    trace_url: str | None = None

    def runbook(self, name: str) -> str | None:
        """Return the URL of a runbook; None if it is not known where they are."""
        if self.runbook_url is not None:
            return f"{self.runbook_url}/{name}"
        return None if self.page_url is None else f"{self.page_url}/runbooks/{name}"

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


def read_links(table: Table, messages: Table) -> LinkSettings:
    """Read the section.

    Args:
        table: Its table.
        messages: The section ``[messages]``, which had some of its keys before.
    """
    settings = LinkSettings(
        page_url=_moved(table, messages, "page_url", '"https://canvas-sync.example.edu"'),
        runbook_url=_moved(table, messages, "runbook_url", '"https://wiki.example.edu/runbooks"'),
        grafana_url=table.parsed("grafana_url", base_url, '"https://grafana.example.edu"'),
        trace_url=table.parsed(
            "trace_url", _trace_url, f'"https://jaeger.example.edu/trace/{_TRACE_ID}"'
        ),
    )
    table.reject_unknown()
    return settings


def former_links(messages: Table) -> Iterator[Problem]:
    """Say which keys of ``[messages]`` belong into this section; they work for one more release."""
    for key in _FORMERLY_OF_MESSAGES:
        if key in messages:
            yield messages.problem(key, "deprecated; write it below [links] instead")


def _moved(table: Table, former: Table, key: str, hint: str) -> str | None:
    """Read a key that was in another section; the new place wins."""
    old, new = (each.parsed(key, base_url, hint) for each in (former, table))
    return new or old


def _trace_url(text: str) -> str:
    parts = urlsplit(http_url(text))
    if parts.username is not None:
        raise ValueError("write a URL without a password; everyone who sees a run sees it")
    if _TRACE_ID in parts.netloc or _TRACE_ID not in text:
        raise ValueError(f"write {_TRACE_ID} after the host, where the id of the trace belongs")
    if unknown := set(_PLACEHOLDER.findall(text)) - {_TRACE_ID}:
        raise ValueError(f"only {_TRACE_ID} is filled in, not {', '.join(sorted(unknown))}")
    return text
