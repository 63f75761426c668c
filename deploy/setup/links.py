"""Where the links of alerts lead, and where the set-up says that the pages are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from canvas_sync_exporter.config_file.config_file import ConfigFile

__all__ = ["Links", "read_links"]


@dataclass(frozen=True, slots=True)
class Links:
    """URLs without a slash at the end.

    Attributes:
        exporter: Where people reach the exporter.
        runbooks: The folder of the runbooks.
        grafana: Where people reach Grafana.
    """

    exporter: str
    runbooks: str
    grafana: str


def read_links(file: ConfigFile, environ: Mapping[str, str]) -> Links:
    """Return what the configuration file says, or else the ports of the compose stack.

    Args:
        file: The configuration file.
        environ: The ports, by the names that they have in ``.env``.
    """
    exporter = file.links.page_url or f"http://localhost:{environ['EXPORTER_PORT']}"
    return Links(
        exporter=exporter,
        runbooks=file.links.runbook_url or f"{exporter}/runbooks",
        grafana=file.links.grafana_url or f"http://localhost:{environ['GRAFANA_PORT']}",
    )
