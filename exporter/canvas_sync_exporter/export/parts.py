"""What can be exported: the files of each part, with the user's changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.version import VERSION

from .customizing import (
    Customization,
    customize_rules,
    kustomization,
    replace_datasources,
    replace_once,
)
from .sources import read, read_folder

__all__ = ["PARTS", "Part"]

Files = Mapping[str, str]
"""Text by path relative to the user's folder."""

_RULES: Final = "deploy/prometheus/rules"
_DASHBOARDS: Final = "deploy/grafana/dashboards"
_KUBERNETES: Final = "deploy/kubernetes"
_MOUNTED: Final = (
    "alertmanager/*.yml",
    "alertmanager/templates/*",
    "backup/*",
    "grafana/dashboards/*.json",
    "grafana/provisioning/*/*",
    "loki/*",
    "otel-collector/*",
    "postgres/*",
    "prometheus/*.yml",
    "prometheus/rules/*.yml",
    "setup/*.py",
    "tempo/*",
)
"""What services of the compose file mount, in ``deploy``, and how to back them up."""
_BUILD: Final = "hatchling build --target wheel --directory /dist"
"""In the Dockerfile; makes the wheel that the image gets."""
_LOCKS: Final = ("build.txt", "image.txt")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the stack.

    Attributes:
        text: What it is, in one line.
        files: Makes its files.
        options: Which attributes of :class:`Customization` change it.
    """

    text: str
    files: Callable[[Customization], Files]
    options: tuple[str, ...] = ()


def _rules(custom: Customization) -> Files:
    return {
        name: customize_rules(text, custom) for name, text in read_folder(_RULES, "*.yml").items()
    }


def _dashboards(custom: Customization) -> Files:
    return {
        name: replace_datasources(text, custom)
        for name, text in read_folder(_DASHBOARDS, "*.json").items()
    }


def _alertmanager(_custom: Customization) -> Files:
    return read_folder("deploy/alertmanager", "*.yml", "templates/*")


def _compose(_custom: Customization) -> Files:
    mounted = read_folder("deploy", *_MOUNTED)
    wheel = f"pip wheel --no-deps --find-links /src --wheel-dir /dist {DISTRIBUTION}=={VERSION}"
    image = replace_once(read("Dockerfile"), _BUILD, wheel)
    locks = {f"locks/{name}": text for name, text in read_folder("locks", *_LOCKS).items()}
    return {"docker-compose.yml": read("docker-compose.yml"), "Dockerfile": image, **locks} | {
        f"deploy/{name}": text for name, text in mounted.items()
    }


def _kubernetes(custom: Customization) -> Files:
    rule = read(f"{_KUBERNETES}/prometheusrule.yaml")
    return {
        "kustomization.yaml": kustomization(read(f"{_KUBERNETES}/kustomization.yaml"), custom),
        "exporter.yaml": read(f"{_KUBERNETES}/exporter.yaml"),
        "servicemonitor.yaml": read(f"{_KUBERNETES}/servicemonitor.yaml"),
        "make_secrets.py": read(f"{_KUBERNETES}/make_secrets.py"),
        "prometheusrule.yaml": customize_rules(rule, custom),
        "grafana/kustomization.yaml": read("deploy/grafana/kustomization.yaml"),
        **{f"grafana/dashboards/{name}": text for name, text in _dashboards(custom).items()},
    }


def _systemd(_custom: Customization) -> Files:
    return read_folder("deploy/systemd", "*")


def _helm(_custom: Customization) -> Files:
    """Put the rules, dashboards and objects beside the chart, whose templates read them."""
    unchanged = Customization()
    chart = ("Chart.yaml", "values.yaml", "values.schema.json")
    templates = read_folder("deploy/helm/templates", "*")
    manifests = ("exporter.yaml", "servicemonitor.yaml", "make_secrets.py")
    return {
        **{name: read(f"deploy/helm/{name}") for name in chart},
        **{f"templates/{name}": text for name, text in templates.items()},
        **{f"kubernetes/{name}": read(f"{_KUBERNETES}/{name}") for name in manifests},
        **{f"rules/{name}": text for name, text in _rules(unchanged).items()},
        **{f"dashboards/{name}": text for name, text in _dashboards(unchanged).items()},
    }


PARTS: Final = {
    "rules": Part(
        "alerting and recording rules for Prometheus",
        _rules,
        ("exporter_url", "grafana_url", "alert_labels"),
    ),
    "dashboards": Part("dashboards for Grafana", _dashboards, ("datasources",)),
    "alertmanager": Part("a configuration and message templates for Alertmanager", _alertmanager),
    "compose": Part("the whole stack for docker-compose", _compose),
    "kubernetes": Part(
        "the exporter, rules and dashboards as a kustomization for Kubernetes",
        _kubernetes,
        (
            "exporter_url",
            "grafana_url",
            "alert_labels",
            "datasources",
            "namespace",
            "object_labels",
            "image",
        ),
    ),
    "systemd": Part("services and a timer for systemd", _systemd),
    "helm": Part("the exporter, rules and dashboards as a Helm chart", _helm),
}
"""Name -> part."""
