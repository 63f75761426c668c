"""Links from a cell of a table: to a dashboard, to Explore."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from .targets import Target

__all__ = ["Link", "explore"]

_OF_GRAFANA: Final = "${}:._"  # left as they are, so that Grafana finds its variables in a URL


@dataclass(frozen=True, slots=True)
class Link:
    """A link; its URL may hold Grafana's variables."""

    title: str
    url: str
    in_new_tab: bool = True

    def to_json(self) -> dict[str, object]:
        """Build the SDK object."""
        return {"title": self.title, "url": self.url, "targetBlank": self.in_new_tab}


def explore(title: str, target: Target) -> Link:
    """Open what a target asks in Explore, over the time that the dashboard shows."""
    pane = {
        "datasource": target.source.reference.uid,
        "queries": [target.query("A")],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = json.dumps({"a": pane}, separators=(",", ":"), cls=JSONEncoder)
    return Link(title, f"/explore?schemaVersion=1&orgId=1&panes={quote(panes, safe=_OF_GRAFANA)}")
