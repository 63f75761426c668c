"""The set-up of the compose stack in folders of a test."""

from __future__ import annotations

from pathlib import Path

from deploy.setup.__main__ import SetUpFolders

from .markdown import ROOT

__all__ = ["ENVIRON", "Owners", "make_folders"]

ENVIRON = {
    "CANVAS_SYNC_TIMEZONE": "UTC",
    "ALERTMANAGER_PORT": "9093",
    "EXPORTER_PORT": "5000",
    "GRAFANA_PORT": "3000",
    "OTLP_GRPC_PORT": "4317",
    "OTLP_HTTP_PORT": "4318",
    "PROMETHEUS_PORT": "9090",
}
"""What the compose file says to the set-up by default."""


class Owners:
    """Remembers which owners were set, which only root could do."""

    def __init__(self) -> None:
        self.of: dict[Path, tuple[int, int]] = {}

    def __call__(self, path: Path, user: int, group: int) -> None:
        self.of[path.with_name(path.name.removeprefix("."))] = (user, group)


def make_folders(folder: Path, config: str = "") -> SetUpFolders:
    """Make what Docker mounts into the set-up, and a configuration file unless it is empty."""
    folders = SetUpFolders(
        secrets=folder / "secrets",
        services=folder / "services",
        configuration=folder / "configuration",
        volumes=folder / "volumes",
        deploy=ROOT / "deploy",
        config_file=folder / "config.toml",
    )
    mounts = {
        folders.secrets: ("",),
        folders.services: ("exporter", "grafana", "postgres", "prometheus", "syncs"),
        folders.configuration: ("alertmanager", "prometheus"),
        folders.volumes: ("alertmanager", "loki", "otel-collector", "tempo"),
    }
    for parent, names in mounts.items():
        for name in names:
            (parent / name).mkdir(parents=True)
    if config:
        folders.config_file.write_text(config)
    return folders
