"""The Kubernetes folder: hardened, and generated from the same rules and dashboards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.kubernetes.generate import generate

from canvas_sync_core.settings import Settings, describe
from canvas_sync_exporter.settings import ExporterSettings, full_configuration
from support.pages import serving_pages, sign_in

Document = dict[str, Any]

DATABASE_URL = "postgresql://canvas_sync:pw@db/canvas_sync"


@pytest.fixture(scope="module")
def folder(repository: Path) -> Path:
    return repository / "deploy" / "kubernetes"


def documents(file: Path) -> dict[str, Document]:
    return {found["kind"]: found for found in yaml.safe_load_all(file.read_text())}


@pytest.fixture(scope="module")
def exporter(folder: Path) -> dict[str, Document]:
    return documents(folder / "exporter.yaml")


@pytest.fixture(scope="module")
def pod(exporter: dict[str, Document]) -> Document:
    spec: Document = exporter["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="module")
def containers(pod: Document) -> list[Document]:
    return [*pod["initContainers"], *pod["containers"]]


def make_secrets(folder: Path, database_url: str) -> subprocess.CompletedProcess[str]:
    """Run the script that makes the Secrets."""
    return subprocess.run(
        [sys.executable, folder / "make_secrets.py"],
        input=database_url,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def made_secrets(folder: Path) -> str:
    """What the script printed once."""
    return make_secrets(folder, f"{DATABASE_URL}\n").stdout


class TestSecrets:
    def test_people_sign_in_with_a_token_of_which_the_exporter_mounts_only_the_hash(
        self, made_secrets: str, pod: Document, tmp_path: Path
    ) -> None:
        secrets = {
            secret["metadata"]["name"]: secret["stringData"]
            for secret in yaml.safe_load_all(made_secrets)
        }
        (mounted,) = (each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each)
        seen = secrets.pop(mounted)
        assert set(seen) == {"database_url", "tokens"}
        assert seen["database_url"] == DATABASE_URL
        admin = secrets["canvas-sync-admin-token"]["token"]
        metrics = secrets["canvas-sync-metrics-token"]["token"]
        assert not [token for token in (admin, metrics) if token in str(seen)]
        tokens = tmp_path / "tokens"
        tokens.write_text(seen["tokens"])
        tokens.chmod(0o400)
        with serving_pages(
            tmp_path, with_history=False, CANVAS_SYNC_TOKENS_FILE=str(tokens)
        ) as site:
            assert sign_in(site, admin).status_code == 303
            assert sign_in(site, metrics).status_code == 403

    def test_each_secret_that_the_manifests_name_is_made(
        self, folder: Path, made_secrets: str, pod: Document
    ) -> None:
        made = {secret["metadata"]["name"] for secret in yaml.safe_load_all(made_secrets)}
        monitor = documents(folder / "servicemonitor.yaml")["ServiceMonitor"]["spec"]
        named = {monitor["endpoints"][0]["authorization"]["credentials"]["name"]}
        named |= {each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each}
        assert named < made

    def test_no_two_runs_make_the_same_token(self, folder: Path, made_secrets: str) -> None:
        assert make_secrets(folder, DATABASE_URL).stdout != made_secrets

    def test_a_missing_url_is_reported_in_one_sentence(self, folder: Path) -> None:
        ran = make_secrets(folder, "\n")
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith("make_secrets.py: write the database's URL")


class TestGeneration:
    def test_the_generated_files_are_up_to_date(self, repository: Path) -> None:
        for file, content in generate(repository / "deploy").items():
            assert file.read_text() == content, "run make kubernetes"

    def test_rules_and_dashboards_are_all_taken(self, tmp_path: Path) -> None:
        rules, dashboards = tmp_path / "prometheus" / "rules", tmp_path / "grafana" / "dashboards"
        rules.mkdir(parents=True)
        dashboards.mkdir(parents=True)
        for name in ("b", "a"):
            group = {"name": name, "rules": [{"record": "a:b:c", "expr": "vector(1)"}]}
            (rules / f"{name}.yml").write_text(yaml.safe_dump({"groups": [group]}))
            (dashboards / f"{name}.json").write_text("{}")
        rule, kustomization = (yaml.safe_load(text) for text in generate(tmp_path).values())
        assert rule["kind"] == "PrometheusRule"
        assert [group["name"] for group in rule["spec"]["groups"]] == ["a", "b"]
        assert rule["spec"]["groups"][0]["rules"] == [{"record": "a:b:c", "expr": "vector(1)"}]
        assert kustomization["configMapGenerator"] == [
            {"name": "dashboard-a", "files": ["dashboards/a.json"]},
            {"name": "dashboard-b", "files": ["dashboards/b.json"]},
        ]
        assert kustomization["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}

    def test_every_dashboard_fits_into_a_config_map(self, repository: Path) -> None:
        for file in (repository / "deploy" / "grafana" / "dashboards").glob("*.json"):
            assert file.stat().st_size < 1_000_000, file.name

    def test_every_resource_exists(self, folder: Path) -> None:
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        assert [name for name in kustomization["resources"] if not (folder / name).exists()] == []


class TestExporter:
    def test_alertmanager_sends_messages_about_incidents_as_in_the_compose_stack(
        self, exporter: dict[str, Document], containers: list[Document], tmp_path: Path
    ) -> None:
        file = tmp_path / "config.toml"
        file.write_text(exporter["ConfigMap"]["data"]["config.toml"])
        config = full_configuration({"CANVAS_SYNC_CONFIG": str(file)})
        assert config.file.messages.incidents is False
        for container in containers:
            variables = {each["name"]: each["value"] for each in container["env"]}
            path = Path(variables["CANVAS_SYNC_CONFIG"])
            mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
            assert (path.name, mounted[str(path.parent)]) == ("config.toml", "config")

    def test_it_runs_as_an_unprivileged_user_on_a_read_only_root(
        self, pod: Document, containers: list[Document]
    ) -> None:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False
        for container in containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]

    def test_its_settings_exist(self, containers: list[Document]) -> None:
        known = {one.env for cls in (Settings, ExporterSettings) for one in describe(cls)}
        for container in containers:
            for variable in container["env"]:
                assert variable["name"].removesuffix("_FILE") in {
                    name.removesuffix("_FILE") for name in known
                }

    def test_no_secret_is_in_its_environment(self, containers: list[Document]) -> None:
        for container in containers:
            secret = [
                one["value"] for one in container["env"] if one["name"].endswith(("_FILE", "KEY"))
            ]
            assert len(secret) == 2
            assert [value for value in secret if not value.startswith("/run/secrets/")] == []

    def test_it_stays_ready_without_a_database(
        self, containers: list[Document], repository: Path
    ) -> None:
        (path,) = (
            container["readinessProbe"]["httpGet"]["path"]
            for container in containers
            if "readinessProbe" in container
        )
        assert (repository / "docs" / f"{path[1:]}.md").exists()

    def test_everything_mounted_is_a_volume(
        self, pod: Document, containers: list[Document]
    ) -> None:
        volumes = {volume["name"] for volume in pod["volumes"]}
        mounted = {mount["name"] for one in containers for mount in one["volumeMounts"]}
        assert mounted == volumes == {"config", "data", "tmp", "secrets"}

    def test_the_service_and_its_monitor_find_it(
        self, exporter: dict[str, Document], folder: Path
    ) -> None:
        labels = exporter["Deployment"]["spec"]["template"]["metadata"]["labels"]
        service = exporter["Service"]
        assert service["spec"]["selector"] == labels
        monitor = documents(folder / "servicemonitor.yaml")["ServiceMonitor"]["spec"]
        assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]

    def test_its_job_is_the_one_of_the_compose_stack(
        self, exporter: dict[str, Document], folder: Path
    ) -> None:
        monitor = documents(folder / "servicemonitor.yaml")["ServiceMonitor"]["spec"]
        job = exporter["Service"]["metadata"]["labels"][monitor["jobLabel"]]
        assert job == "canvas-sync-exporter"

    def test_a_new_pod_is_the_same_exporter_to_the_alerts(self, folder: Path) -> None:
        endpoint = documents(folder / "servicemonitor.yaml")["ServiceMonitor"]["spec"]["endpoints"]
        (instance,) = (
            each for each in endpoint[0]["relabelings"] if each["targetLabel"] == "instance"
        )
        assert not [label for label in instance["sourceLabels"] if "pod" in label]

    def test_prometheus_sends_the_token(self, folder: Path) -> None:
        endpoint = documents(folder / "servicemonitor.yaml")["ServiceMonitor"]["spec"]["endpoints"]
        assert endpoint[0]["authorization"]["credentials"]["name"] == "canvas-sync-metrics-token"

    def test_the_image_is_the_one_of_the_compose_stack(
        self, folder: Path, compose: Document
    ) -> None:
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        image = kustomization["images"][0]
        assert f"{image['name']}:{image['newTag']}" == compose["services"]["exporter"]["image"]
