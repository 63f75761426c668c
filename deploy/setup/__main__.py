"""Prepare the stack: its secrets, the configuration of its services, and the owners of its volumes.

The service ``setup`` runs this before all others, at every start; a second run changes nothing. A
secret that comes from elsewhere is stored with ``--store NAME``, which reads standard input.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.config_file.config_file import ConfigFile, read_config_file

from .files import Chown, SetupError, own_folder
from .links import Links, read_links
from .make_secrets import hand_out, make_missing, store
from .rendering import alertmanager_files, prometheus_files, put

__all__ = ["SetUpFolders", "main", "set_up"]

_PROMETHEUS: Final = 65534
_ALERTMANAGER: Final = 10005
_OWNERS: Final = {
    "alertmanager": (_ALERTMANAGER, _ALERTMANAGER),
    "loki": (10004, 10004),
    "otel-collector": (10002, 10001),  # the group of the logs that it reads
    "tempo": (10003, 10003),
}
"""User and group by volume; the volumes of other services get theirs from their images."""
_LEAST_FREE: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class SetUpFolders:
    """Where the set-up reads and writes.

    Attributes:
        secrets: Where the secrets are kept.
        services: Has a folder for the secrets of each service.
        configuration: Has a folder for the configuration of each service that has one made.
        volumes: Has the volumes whose owner is set.
        deploy: The folder ``deploy`` of the repository.
        config_file: The exporter's configuration file; there may be none.
    """

    secrets: Path = Path("/run/secrets")
    services: Path = Path("/services")
    configuration: Path = Path("/configuration")
    volumes: Path = Path("/volumes")
    deploy: Path = Path("/deploy")
    config_file: Path = Path("/etc/canvas-sync-monitor/config.toml")


def set_up(
    folders: SetUpFolders, environ: Mapping[str, str], chown: Chown = os.lchown
) -> list[str]:
    """Prepare the stack.

    Args:
        folders: Where to read and write.
        environ: The settings of ``.env``.
        chown: Gives a file to a user and a group.

    Returns:
        What to print.

    Raises:
        SetupError: Something has to be put right first.
        SettingsError: The configuration file has mistakes.
        OSError: A volume cannot be written.
    """
    _require_space(folders.secrets)
    made = make_missing(folders.secrets, chown)
    file = _read_file(folders, environ)
    links = read_links(file, environ)
    hand_out(folders.secrets, folders.services, chown)
    made_for = {
        "prometheus": (prometheus_files(folders.deploy, links), _PROMETHEUS),
        "alertmanager": (alertmanager_files(folders.deploy, file), _ALERTMANAGER),
    }
    for service, (files, user) in made_for.items():
        put(files, folders.configuration / service, user, chown)
    for volume, (user, group) in _OWNERS.items():
        own_folder(folders.volumes / volume, user, group, chown)
    return _report(made, links, environ)


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        raise SetupError(
            f"The disk of Docker's volumes is full: {free >> 20} MiB are free, and the services "
            f"need {_LEAST_FREE >> 20} MiB to start. `docker system df` shows what takes space."
        )


def _read_file(folders: SetUpFolders, environ: Mapping[str, str]) -> ConfigFile:
    if not folders.config_file.exists():
        return ConfigFile()
    try:
        zone = time_zone(environ["CANVAS_SYNC_TIMEZONE"])
    except ValueError as error:
        raise SetupError(f"CANVAS_SYNC_TIMEZONE in .env: {error}.") from error
    return read_config_file(folders.config_file, zone, environ)


def _report(made: Sequence[str], links: Links, environ: Mapping[str, str]) -> list[str]:
    return [
        f"Made {', '.join(made)}." if made else "Every secret is there already.",
        f"Grafana: {links.grafana}, user admin; its password is shown by",
        "  docker-compose exec grafana cat /run/secrets/grafana_admin_password",
        f"Web pages and REST API: {links.exporter}; the token to sign in with is shown by",
        "  docker-compose run --rm setup cat /run/secrets/admin_token",
        f"Prometheus: http://localhost:{environ['PROMETHEUS_PORT']}, "
        f"Alertmanager: http://localhost:{environ['ALERTMANAGER_PORT']}",
        f"Traces: localhost:{environ['OTLP_GRPC_PORT']} (gRPC), "
        f"http://localhost:{environ['OTLP_HTTP_PORT']} (HTTP)",
    ]


def main(
    argv: Sequence[str] | None = None,
    folders: SetUpFolders | None = None,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Run the set-up.

    Returns:
        The exit code: 0, or 1 with a sentence that says what to do.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy.setup", description=__doc__)
    parser.add_argument("--store", metavar="NAME", help="store standard input as this secret")
    arguments = parser.parse_args(argv)
    folders = folders or SetUpFolders()
    try:
        if arguments.store:
            store(folders.secrets, arguments.store, sys.stdin.read())
            print(f"Stored {arguments.store}.")
        else:
            print("\n".join(set_up(folders, environ)))
    except (SetupError, SettingsError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
