"""What messages say about each kind of incident agrees with the alerts."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import yaml

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.messages.guidance import GUIDANCE
from support.markdown import DOCS, ROOT

_KINDS = re.compile(r'canvas_sync_incidents_open{kind=~?"([^"]+)"}')


def alerts_by_kind() -> dict[str, list[dict[str, str]]]:
    """Return the annotations of the alerts that read each kind, in the order of the rules."""
    found: dict[str, list[dict[str, str]]] = {}
    for file in sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                for kinds in _KINDS.findall(rule["expr"]) if "alert" in rule else ():
                    for kind in kinds.split("|"):
                        found.setdefault(kind, []).append(rule["annotations"])
    return found


def test_each_kind_has_advice_and_the_runbook_and_dashboard_of_its_alert() -> None:
    alerts = alerts_by_kind()
    assert set(GUIDANCE) == set(IncidentKind)
    for kind, guidance in GUIDANCE.items():
        annotations = alerts[kind][0]
        assert guidance.advice.endswith((".", "."))
        assert urlsplit(annotations["runbook_url"]).path == f"/runbooks/{guidance.runbook}"
        assert (DOCS / "runbooks" / f"{guidance.runbook}.md").exists()
        assert urlsplit(annotations["dashboard_url"]).path == f"/d/{guidance.dashboard}", kind
