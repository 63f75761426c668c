"""What can be changed in the exported files, and how it is put into their text.

The files keep their comments and layout, so they are edited as text. All of them are ours: a test
compares each edited text with the same change made to its content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from canvas_sync_core.version import VERSION

__all__ = [
    "DATA_SOURCES",
    "EXPORTER_URL",
    "GRAFANA_URL",
    "RULE_LABELS",
    "Customization",
    "customize_rules",
    "kustomization",
    "replace_datasources",
    "replace_links",
    "replace_once",
]

EXPORTER_URL: Final = "http://localhost:5000"
GRAFANA_URL: Final = "http://localhost:3000"

DATA_SOURCES: Final = {
    "prometheus": "canvas-sync-prometheus",
    "tempo": "canvas-sync-tempo",
    "loki": "canvas-sync-loki",
    "postgresql": "canvas-sync-postgresql",
}
"""Kind of data source -> uid of the one that the dashboards choose at first."""

RULE_LABELS: Final = frozenset({"severity", "window", "incidents_from"})
"""Labels that the rules themselves give to alerts."""

_ALERT: Final = re.compile(r"^ *- alert: ")
_LABELS: Final = re.compile(r"^( *)(labels|annotations):$")


@dataclass(frozen=True, slots=True)
class Customization:
    """What a user changes in the files; the defaults change nothing.

    Attributes:
        exporter_url: Where people reach the exporter; runbook links begin with it.
        grafana_url: Where people reach Grafana; dashboard links begin with it.
        alert_labels: Labels to add to every alert.
        datasources: Uids of Grafana's data sources by kind.
        namespace: The Kubernetes namespace; None leaves it open.
        object_labels: Labels to add to every Kubernetes object.
        image: The image for Kubernetes with its tag; None for the name that the files have.
    """

    exporter_url: str = EXPORTER_URL
    grafana_url: str = GRAFANA_URL
    alert_labels: Mapping[str, str] = field(default_factory=dict)
    datasources: Mapping[str, str] = field(default_factory=dict)
    namespace: str | None = None
    object_labels: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None


def replace_links(rules: str, *, runbooks: str, grafana: str) -> str:
    """Make the links of rules lead to the user's servers.

    Args:
        rules: The text of a file.
        runbooks: The folder of the runbooks.
        grafana: Where people reach Grafana.
    """
    linked = rules.replace(f"{EXPORTER_URL}/runbooks/", f"{runbooks}/")
    return linked.replace(f"{GRAFANA_URL}/d/", f"{grafana}/d/")


def replace_datasources(text: str, custom: Customization) -> str:
    """Make a dashboard choose the user's data sources at first."""
    for kind, uid in custom.datasources.items():
        text = text.replace(f'"{DATA_SOURCES[kind]}"', f'"{uid}"')
    return text


def customize_rules(text: str, custom: Customization) -> str:
    """Put links and labels into a file of rules."""
    runbooks = f"{custom.exporter_url}/runbooks"
    linked = replace_links(text, runbooks=runbooks, grafana=custom.grafana_url)
    return _add_alert_labels(linked, custom)


def _add_alert_labels(text: str, custom: Customization) -> str:
    """Add labels to every alert of a file of rules."""
    if not custom.alert_labels:
        return text
    return "".join(_labelled(text, custom.alert_labels))


def kustomization(text: str, custom: Customization) -> str:
    """Make the kustomization stand alone, and let it set namespace, labels and image."""
    text = replace_once(text, "- ../grafana", "- grafana")
    if custom.namespace:
        kind = "kind: Kustomization\n"
        text = replace_once(text, kind, f"{kind}namespace: {_quoted(custom.namespace)}\n")
    if custom.object_labels:
        pairs = "  - pairs:\n"
        added = (
            f"      {name}: {_quoted(value)}\n" for name, value in custom.object_labels.items()
        )
        text = replace_once(text, pairs, pairs + "".join(added))
    if custom.image:
        name, _, tag = custom.image.rpartition(":")
        image = f"newName: {_quoted(name)}\n    newTag: {_quoted(tag)}"
        text = replace_once(text, f"newTag: {VERSION}", image)
    return text


def replace_once(text: str, old: str, new: str) -> str:
    """Replace a text that must occur exactly once in one of our files.

    Raises:
        ValueError: It does not: the file was changed, but not the code that edits it.
    """
    if text.count(old) != 1:
        raise ValueError(f"{old!r} occurs {text.count(old)} times in the file, not once")
    return text.replace(old, new)


def _labelled(text: str, labels: Mapping[str, str]) -> Iterator[str]:
    """Put the labels below ``labels:`` of each alert, or else before its ``annotations:``."""
    waits = False
    for line in text.splitlines(keepends=True):
        waits = waits or _ALERT.match(line) is not None
        place = _LABELS.match(line) if waits else None
        if place is None:
            yield line
            continue
        waits, indent = False, place[1]
        yield f"{indent}labels:\n"
        yield from (f"{indent}  {name}: {_quoted(value)}\n" for name, value in labels.items())
        if place[2] == "annotations":
            yield line


def _quoted(value: str) -> str:
    """Quote for YAML, of which JSON's strings are a part."""
    return json.dumps(value, ensure_ascii=False)
