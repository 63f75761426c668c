"""Options of ``canvas-sync-monitor export``, each with a check of what goes into the files."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, Final

from canvas_sync_exporter.config_file.urls import base_url
from canvas_sync_exporter.export.customizing import (
    DATA_SOURCES,
    EXPORTER_URL,
    GRAFANA_URL,
    RULE_LABELS,
)

__all__ = ["EXPORT_OPTIONS", "Pair"]

Pair = tuple[str, str]


def _matching(pattern: str, what: str) -> Callable[[str], str]:
    """Return an argument type for texts that match a pattern."""

    def read(raw: str) -> str:
        if not re.fullmatch(pattern, raw, re.ASCII):
            raise argparse.ArgumentTypeError(what)
        return raw

    return read


def _pair(name: str, value: str, what: str) -> Callable[[str], Pair]:
    """Return an argument type for NAME=VALUE, each by a pattern."""
    check = _matching(f"({name})=({value})", what)

    def read(raw: str) -> Pair:
        found, _, text = check(raw).partition("=")
        return found, text

    return read


def _url(raw: str) -> str:
    try:
        return base_url(_read_url(raw))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


_RESERVED: Final = RULE_LABELS | {"alertname"}
_read_url = _matching(
    r"https?://[^\s/\"'\\{}<>#?]+(/[^\s\"'\\{}<>#?]*)?",
    "use a URL such as https://grafana.example.edu, without ? and #",
)
_alert_label = _pair(
    rf"(?!__)(?!(?:{'|'.join(sorted(_RESERVED))})=)[a-zA-Z_][a-zA-Z0-9_]*",
    r"(?!.*\{\{)[^\x00-\x1f\x7f]*",
    f"use NAME=VALUE, such as team=lms, without {{{{; the rules set {', '.join(sorted(_RESERVED))} "
    "themselves",
)
_object_label = _pair(
    r"(?:[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[a-zA-Z0-9]([-\w.]{0,61}[a-zA-Z0-9])?",
    r"([a-zA-Z0-9]([-\w.]{0,61}[a-zA-Z0-9])?)?",
    "use NAME=VALUE as Kubernetes labels have them, such as release=kube-prometheus-stack",
)
_datasource = _pair(
    "|".join(DATA_SOURCES),
    r"[-a-zA-Z0-9_]{1,40}",
    f"use KIND=UID; KIND is one of {', '.join(DATA_SOURCES)}, UID as Grafana's page of the data "
    "source has it in its address",
)
_namespace = _matching(
    "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "use lower-case letters, digits and hyphens"
)
_PART: Final = "[a-z0-9][-a-z0-9._]*"
_image = _matching(
    rf"({_PART}(:\d{{1,5}})?/)?({_PART}/)*{_PART}:\w[\w.-]{{0,127}}",
    "use NAME:TAG, such as registry.example.edu:5000/canvas-sync-monitor:0.1.0; only the registry "
    "has a port",
)

EXPORT_OPTIONS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "exporter_url": (
        "--exporter-url",
        {
            "type": _url,
            "metavar": "URL",
            "help": f"where people reach the exporter, for runbook links; default: {EXPORTER_URL}",
        },
    ),
    "grafana_url": (
        "--grafana-url",
        {
            "type": _url,
            "metavar": "URL",
            "help": f"where people reach Grafana, for dashboard links; default: {GRAFANA_URL}",
        },
    ),
    "alert_labels": (
        "--alert-label",
        {
            "type": _alert_label,
            "action": "append",
            "metavar": "NAME=VALUE",
            "help": "add a label to every alert; may be repeated",
        },
    ),
    "datasources": (
        "--datasource",
        {
            "type": _datasource,
            "action": "append",
            "metavar": "KIND=UID",
            "help": "uid of the data source that dashboards select at first; may be repeated",
        },
    ),
    "namespace": (
        "--namespace",
        {"type": _namespace, "metavar": "NAME", "help": "put all objects into this namespace"},
    ),
    "object_labels": (
        "--label",
        {
            "type": _object_label,
            "action": "append",
            "metavar": "NAME=VALUE",
            "help": "add a label to every object; may be repeated",
        },
    ),
    "image": (
        "--image",
        {"type": _image, "metavar": "NAME:TAG", "help": "the image that your cluster pulls"},
    ),
}
"""Attribute of the customization -> option, and its arguments."""
