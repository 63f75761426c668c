"""The compose file: every promise of its hardening, for every service that it will ever have."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.setup.__main__ import SetUpFolders

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.settings import Settings, describe
from canvas_sync_core.version import VERSION
from canvas_sync_exporter.config_file.config_file import find_config_file
from canvas_sync_exporter.settings import ExporterSettings, configuration
from support.programs import required

Services = dict[str, dict[str, Any]]

SERVICES = {
    *("setup", "postgres", "exporter", "prometheus", "alertmanager", "grafana"),
    *("otel-collector", "tempo", "loki", "demo-canvas", "demo-sync"),
}
WITHOUT_HEALTHCHECK = {
    "setup": "ends at once",
    "otel-collector": "its image has no program that could ask",
}
CAPABILITIES = {"setup": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}
"""Who may do more than nothing: secrets are given to the users of other services."""
STORES = {
    "prometheus": r"--storage\.tsdb\.retention\.time=",
    "alertmanager": r"--data\.retention=",
}


def offenders(services: Services, holds: Any) -> list[str]:
    return [name for name, service in services.items() if not holds(name, service)]


def test_the_stack_is_all_there(services: Services) -> None:
    assert set(services) == SERVICES
    demo = {name for name, service in services.items() if service.get("profiles") == ["demo"]}
    assert demo == {"demo-canvas", "demo-sync"}


def test_docker_compose_accepts_it(repository: Path, tmp_path: Path) -> None:
    command = [required("docker-compose"), "--profile", "demo", "config", "--services"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == SERVICES


def test_it_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    assert "version" not in compose


class TestHardening:
    def test_no_service_keeps_a_capability_that_it_does_not_need(self, services: Services) -> None:
        assert not offenders(services, lambda _, it: it["cap_drop"] == ["ALL"])
        added = {name: it["cap_add"] for name, it in services.items() if "cap_add" in it}
        assert added == CAPABILITIES
        assert not offenders(services, lambda _, it: not it.get("privileged"))

    def test_nobody_gains_privileges(self, services: Services) -> None:
        assert not offenders(
            services, lambda _, it: it["security_opt"] == ["no-new-privileges:true"]
        )

    def test_roots_are_read_only_with_a_temporary_folder(self, services: Services) -> None:
        assert not offenders(services, lambda _, it: it["read_only"] is True)
        assert not offenders(
            services,
            lambda _, it: any(
                entry.startswith("/tmp:") and "size=" in entry for entry in it["tmpfs"]
            ),
        )

    def test_memory_and_processes_are_limited(self, services: Services) -> None:
        assert not offenders(services, lambda _, it: re.fullmatch(r"\d+m", it["mem_limit"]))
        assert not offenders(services, lambda _, it: it["pids_limit"] > 0)

    def test_output_does_not_fill_the_disk(self, services: Services) -> None:
        assert not offenders(services, lambda _, it: "max-size" in it["logging"]["options"])

    def test_only_the_set_up_is_root_and_it_has_no_network(self, services: Services) -> None:
        root = [name for name, it in services.items() if it["user"].startswith("0:")]
        assert root == ["setup"]
        assert services["setup"]["network_mode"] == "none"
        assert services["setup"]["restart"] == "no"

    def test_ports_are_open_only_to_this_machine(self, services: Services) -> None:
        ports = [port for it in services.values() for port in it.get("ports", [])]
        assert len(ports) == 6
        assert [port for port in ports if not port.startswith("127.0.0.1:")] == []

    def test_images_have_a_pinned_version(self, services: Services) -> None:
        pinned = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?(@sha256:[0-9a-f]{64})?")
        assert not offenders(services, lambda _, it: pinned.fullmatch(it["image"]))

    def test_every_image_that_can_have_a_healthcheck_has_one(self, services: Services) -> None:
        without = {name for name, it in services.items() if "healthcheck" not in it}
        assert without == set(WITHOUT_HEALTHCHECK)
        checked = {name: it for name, it in services.items() if "healthcheck" in it}
        # No shell: some images have none.
        assert not offenders(checked, lambda _, it: it["healthcheck"]["test"][0] == "CMD")

    def test_services_wait_until_those_they_depend_on_are_healthy(self, services: Services) -> None:
        for name, service in services.items():
            for other, how in service.get("depends_on", {}).items():
                expected = {
                    "setup": "service_completed_successfully",
                    "otel-collector": "service_started",
                }.get(other, "service_healthy")
                assert how == {"condition": expected}, (name, other)

    def test_a_service_that_reads_a_secret_waits_for_the_set_up(self, services: Services) -> None:
        for name, service in services.items():
            if any("secrets:/run" in volume for volume in service.get("volumes", [])):
                assert name == "setup" or "setup" in waits_for(services, name), name

    def test_each_service_has_its_own_user(self, services: Services) -> None:
        users: dict[str, set[str]] = {}
        for name, service in services.items():
            users.setdefault(service["user"].partition(":")[0], set()).add(name)
        # Syncs and exporter write the same files.
        assert {frozenset(names) for names in users.values() if len(names) > 1} == {
            frozenset({"exporter", "demo-sync"})
        }


def waits_for(services: Services, name: str) -> set[str]:
    direct = set(services[name].get("depends_on", {}))
    return direct.union(*(waits_for(services, other) for other in direct))


class TestSecrets:
    def test_no_secret_is_in_the_environment(self, services: Services) -> None:
        for name, service in services.items():
            for variable, value in service.get("environment", {}).items():
                if re.search(r"PASSWORD|SECRET|TOKEN|DATABASE_URL|KEY", variable):
                    assert str(value).startswith("/run/secrets/"), (name, variable)
                assert not re.search(r"://[^/]*:[^/]*@", str(value)), (name, variable)

    def test_only_the_set_up_writes_them_and_only_one_service_reads_each_volume(
        self, services: Services
    ) -> None:
        mounts: dict[str, dict[str, list[str]]] = {}
        for name, service in services.items():
            for volume in service.get("volumes", []):
                source, target, *options = volume.split(":")
                if source.endswith(("secrets", "-config")):
                    mounts.setdefault(source, {})[name] = options
                    if source.endswith("secrets") and name != "setup":
                        assert target == "/run/secrets", name
        readers = {volume: set(names) - {"setup"} for volume, names in mounts.items()}
        assert readers == {
            "secrets": set(),
            "exporter-secrets": {"exporter"},
            "grafana-secrets": {"grafana"},
            "postgres-secrets": {"postgres"},
            "prometheus-secrets": {"prometheus"},
            "sync-secrets": {"demo-sync"},
            "prometheus-config": {"prometheus"},
            "alertmanager-config": {"alertmanager"},
        }
        for names in mounts.values():
            assert names.pop("setup") == []
            assert all(options == ["ro"] for options in names.values())

    def test_grafana_lets_nobody_in_without_the_password(self, services: Services) -> None:
        environment = services["grafana"]["environment"]
        assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
        assert environment["GF_USERS_ALLOW_SIGN_UP"] == "false"
        assert environment["GF_SECURITY_ADMIN_PASSWORD__FILE"].startswith("/run/secrets/")

    def test_plugins_are_not_written_to_the_read_only_root(self, services: Services) -> None:
        environment = services["grafana"]["environment"]
        assert environment["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
        assert environment["GF_PLUGINS_PREINSTALL_AUTO_UPDATE"] == "false"


class TestFiles:
    def test_every_mounted_folder_is_in_the_repository(
        self, services: Services, repository: Path
    ) -> None:
        mounts = [
            volume.split(":")
            for service in services.values()
            for volume in service.get("volumes", [])
            if volume.startswith("./")
        ]
        assert len(mounts) >= 9
        # A folder: a file that an editor replaces is not seen inside before a restart.
        assert [source for source, *_ in mounts if not (repository / source).is_dir()] == []
        assert [mount for mount in mounts if mount[2:] != ["ro"]] == []

    @pytest.mark.parametrize(
        ("name", "option"),
        [
            *(("loki", "-config.file="), ("tempo", "-config.file=")),
            ("otel-collector", "--config="),
        ],
    )
    def test_the_configuration_is_where_the_service_looks_for_it(
        self, services: Services, repository: Path, name: str, option: str
    ) -> None:
        (path,) = (
            Path(word.removeprefix(option))
            for word in services[name]["command"]
            if word.startswith(option)
        )
        mounts = [volume.split(":") for volume in services[name]["volumes"]]
        (folder,) = (source for source, target, *_ in mounts if Path(target) == path.parent)
        assert (repository / folder / path.name).is_file()

    def test_every_named_volume_is_declared_and_used(
        self, services: Services, compose: dict[str, Any]
    ) -> None:
        used = {
            volume.partition(":")[0]
            for service in services.values()
            for volume in service.get("volumes", [])
            if not volume.startswith("./")
        }
        assert used == set(compose["volumes"])


class TestRetention:
    """Every store forgets."""

    @pytest.mark.parametrize(("name", "option"), STORES.items())
    def test_on_the_command_line(self, services: Services, name: str, option: str) -> None:
        assert [word for word in services[name]["command"] if re.match(option, word)]

    @pytest.mark.parametrize("name", ["CANVAS_SYNC_RUN_DAYS", "CANVAS_SYNC_ARCHIVE_DAYS"])
    def test_runs_and_archives(self, services: Services, name: str) -> None:
        assert re.fullmatch(rf"\${{{name}:-\d+}}", services["exporter"]["environment"][name])

    def test_logs_in_loki(self, services: Services, repository: Path) -> None:
        config = yaml.safe_load((repository / "deploy" / "loki" / "config.yml").read_text())
        assert config["compactor"]["retention_enabled"] is True
        assert config["compactor"]["delete_request_store"] == "filesystem"
        assert config["limits_config"]["retention_period"] == "${RETENTION}"
        self.expands(services, "loki", "720h")

    def test_traces_in_tempo(self, services: Services, repository: Path) -> None:
        config = yaml.safe_load((repository / "deploy" / "tempo" / "config.yml").read_text())
        assert config["overrides"]["defaults"]["compaction"]["block_retention"] == "${RETENTION}"
        self.expands(services, "tempo", "336h")

    def expands(self, services: Services, name: str, default: str) -> None:
        assert "-config.expand-env=true" in services[name]["command"]
        variable = f"{name.upper()}_RETENTION"
        expected = f"${{{variable}:-{default}}}"
        assert services[name]["environment"] == {"RETENTION": expected}


def test_every_setting_of_ours_exists(services: Services) -> None:
    known = {one.env for cls in (Settings, ExporterSettings) for one in describe(cls)}
    for name, service in services.items():
        for variable in service.get("environment", {}):
            if variable.startswith("CANVAS_SYNC_"):
                assert variable in known or variable.removesuffix("_FILE") in known, name


class TestWrongSettings:
    """The exporter's own environment, where something is missing or wrong."""

    def environment(self, services: Services, **other: str) -> dict[str, str]:
        given = {name: str(v) for name, v in services["exporter"]["environment"].items()}
        plain = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in given.items()}
        return {**plain, **other}

    def test_a_missing_database_url_says_what_to_do(
        self, services: Services, tmp_path: Path
    ) -> None:
        missing = tmp_path / "database_url"
        environment = self.environment(services, CANVAS_SYNC_DATABASE_URL_FILE=str(missing))
        with pytest.raises(SettingsError, match=r"database_url.* cannot be read.*Point it at"):
            configuration(environment)

    def test_the_delivered_settings_can_be_used(self, services: Services, tmp_path: Path) -> None:
        url = tmp_path / "database_url"
        url.write_text("postgresql://canvas_sync:x@postgres/canvas_sync")
        config = configuration(self.environment(services, CANVAS_SYNC_DATABASE_URL_FILE=str(url)))
        assert config.exporter.host == "0.0.0.0"
        assert not config.embedded_database


def test_the_docker_file_is_what_the_compose_file_says(
    repository: Path, services: Services
) -> None:
    lines = (repository / "Dockerfile").read_text()
    assert "ARG BASE_IMAGE=python:" in lines
    assert lines.count("FROM ${BASE_IMAGE}") == 2
    assert "USER 10001:10001" in lines
    assert "HEALTHCHECK" in lines
    assert "/api/canvas/metrics/health" in lines
    base = re.search(r"^ARG BASE_IMAGE=(\S+)", lines, re.MULTILINE)
    assert base is not None
    assert base[1] in services["exporter"]["build"]["args"]["BASE_IMAGE"]


def test_the_image_has_the_version_of_the_project(services: Services) -> None:
    assert services["exporter"]["image"] == f"canvas-sync-monitor:{VERSION}"


def test_the_build_context_has_all_that_is_installed(repository: Path) -> None:
    allowed = {
        line[1:]
        for line in (repository / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert allowed == {
        *("LICENSE", "README.md", "pyproject.toml", "locks/build.txt", "locks/image.txt"),
        *("core", "instrumentation", "exporter", "demo", "docs/runbooks"),
        *("Dockerfile", "docker-compose.yml", "deploy"),  # `canvas-sync-monitor export` writes them
    }


def test_the_exporter_and_the_set_up_read_the_same_configuration_file(
    services: Services, repository: Path
) -> None:
    for name in ("exporter", "setup"):
        assert any(
            volume.startswith("./config:/etc/canvas-sync-monitor:ro")
            for volume in services[name]["volumes"]
        )
    assert "CANVAS_SYNC_CONFIG" not in services["exporter"]["environment"]  # there need be none
    assert find_config_file(None, Path("/data/logs")) in {None, SetUpFolders().config_file}


def test_what_people_set_is_in_files_that_git_ignores(repository: Path) -> None:
    ignored = [".env", "docker-compose.override.yml", "config/config.toml", "config/ca.pem"]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *ignored],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ignored
