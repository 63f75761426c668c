"""The files of each part: whole, and as the user wants them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from canvas_sync_core.version import VERSION
from canvas_sync_exporter.export.customizing import Customization
from canvas_sync_exporter.export.parts import PARTS
from canvas_sync_exporter.export.writing import write
from support.prometheus import DEPLOY, RULES, run_program

CUSTOM = Customization(
    exporter_url="https://sync.example.edu",
    grafana_url="https://grafana.example.edu",
    alert_labels={"team": "lms"},
    datasources={"prometheus": "my-prometheus"},
    namespace="lms",
    object_labels={"release": "kube-prometheus-stack"},
    image="registry.example.edu:5000/canvas-sync-monitor:1.2.3",
)


def exported(part: str, folder: Path, custom: Customization = CUSTOM) -> Path:
    write(folder / part, PARTS[part].files(custom), force=False)
    return folder / part


def test_rules_and_dashboards_are_those_of_the_stack_if_nothing_is_changed(tmp_path: Path) -> None:
    for part, originals in (
        ("rules", RULES),
        ("dashboards", sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))),
    ):
        folder = exported(part, tmp_path, Customization())
        assert sorted(file.name for file in folder.iterdir()) == [each.name for each in originals]
        for original in originals:
            assert (folder / original.name).read_bytes() == original.read_bytes()


def test_promtool_accepts_the_changed_rules(tmp_path: Path) -> None:
    folder = exported("rules", tmp_path)

    run_program("promtool", "check", "rules", "--lint-fatal", *sorted(folder.iterdir()))


def test_amtool_accepts_the_configuration_of_alertmanager(tmp_path: Path) -> None:
    folder = exported("alertmanager", tmp_path)

    run_program("amtool", "check-config", folder / "alertmanager.yml")


class TestCompose:
    def test_everything_that_a_service_mounts_is_there(self, tmp_path: Path) -> None:
        folder = exported("compose", tmp_path)
        services = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]
        mounts = [mount for service in services.values() for mount in service.get("volumes", [])]
        mounted = {mount.partition(":")[0] for mount in mounts if mount.startswith("./")} - {
            "./config"  # of the user
        }

        assert len(mounted) > 5
        for name in mounted:
            original, copy = DEPLOY.parent / name, folder / name
            files = [file for file in original.rglob("*") if file.is_file()] or [original]
            shipped = [each for each in files if is_shipped(each)]
            assert shipped
            for file in shipped:
                assert (copy / file.relative_to(original)).read_bytes() == file.read_bytes()

    def test_the_image_is_built_from_the_wheel_beside_it_or_from_the_index(
        self, tmp_path: Path
    ) -> None:
        folder = exported("compose", tmp_path)
        text = (folder / "Dockerfile").read_text()

        assert f"--find-links /src --wheel-dir /dist canvas-sync-monitor=={VERSION}" in text
        assert "COPY . /src" in text
        assert all((folder / name).is_file() for name in re.findall(r"/(locks/\w+\.txt)", text))
        build = yaml.safe_load((folder / "docker-compose.yml").read_text())["x-app"]["build"]
        assert build["context"] == "."

    def test_promtool_accepts_the_configuration(self, tmp_path: Path) -> None:
        folder = exported("compose", tmp_path) / "deploy" / "prometheus"

        run_program("promtool", "check", "config", "--syntax-only", folder / "prometheus.yml")


def is_shipped(file: Path) -> bool:
    """Whether a service reads it: not the tests of the rules, not how dashboards are laid out."""
    parts = file.relative_to(DEPLOY).parts
    is_source = "__pycache__" not in parts and not file.name.startswith(".")
    return is_source and parts[:2] != ("prometheus", "tests")


class TestKubernetes:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return exported("kubernetes", tmp_path)

    @pytest.fixture
    def kustomization(self, folder: Path) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
        return content

    def test_every_resource_is_inside_the_folder(
        self, folder: Path, kustomization: dict[str, Any]
    ) -> None:
        generated = yaml.safe_load((folder / "grafana" / "kustomization.yaml").read_text())
        dashboards = [file for each in generated["configMapGenerator"] for file in each["files"]]
        named = [*kustomization["resources"], *(f"grafana/{each}" for each in dashboards)]

        assert [name for name in named if ".." in name or not (folder / name).exists()] == []

    def test_kustomize_sets_namespace_labels_and_image(self, kustomization: dict[str, Any]) -> None:
        assert kustomization["namespace"] == "lms"
        assert kustomization["labels"] == [
            {
                "pairs": {
                    "app.kubernetes.io/part-of": "canvas-sync",
                    "release": "kube-prometheus-stack",
                }
            }
        ]
        assert kustomization["images"] == [
            {
                "name": "canvas-sync-monitor",
                "newName": "registry.example.edu:5000/canvas-sync-monitor",
                "newTag": "1.2.3",
            }
        ]

    def test_rules_and_dashboards_have_the_changes(self, folder: Path) -> None:
        rule = yaml.safe_load((folder / "prometheusrule.yaml").read_text())
        alerts = [
            each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each
        ]
        assert {each["labels"]["team"] for each in alerts} == {"lms"}
        for each in alerts:
            assert each["annotations"]["runbook_url"].startswith("https://sync.example.edu/")
        overview = folder / "grafana" / "dashboards" / "canvas-sync-overview.json"
        variable = json.loads(overview.read_text())["templating"]["list"][0]
        assert variable["current"]["value"] == "my-prometheus"

    def test_without_options_it_is_the_folder_of_the_repository(self, tmp_path: Path) -> None:
        folder = exported("kubernetes", tmp_path, Customization())
        for name in (
            "exporter.yaml",
            "servicemonitor.yaml",
            "prometheusrule.yaml",
            "make_secrets.py",
        ):
            assert (folder / name).read_text() == (DEPLOY / "kubernetes" / name).read_text()
        ours = (DEPLOY / "kubernetes" / "kustomization.yaml").read_text()
        assert (folder / "kustomization.yaml").read_text() == re.sub(
            r"\.\./grafana", "grafana", ours
        )
