"""The folders of configuration for Prometheus and Alertmanager, made from those of ``deploy``.

What people change is in the exporter's configuration file and in ``.env``, so that no file of the
checkout has to be edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.export.customizing import replace_links

from .alertmanager import alertmanager_config
from .files import Chown, write
from .links import Links

__all__ = ["alertmanager_files", "prometheus_files", "put"]

_CONFIG: Final = "alertmanager.yml"


def prometheus_files(deploy: Path, links: Links) -> dict[str, str]:
    """Return the text of Prometheus's files by name, with the rules' links."""
    texts = _texts(deploy / "prometheus", "prometheus.yml", "rules/*.yml")
    return {
        name: replace_links(text, runbooks=links.runbooks, grafana=links.grafana)
        for name, text in texts.items()
    }


def alertmanager_files(deploy: Path, file: ConfigFile) -> dict[str, str]:
    """Return the text of Alertmanager's files by name, with people's destinations."""
    texts = _texts(deploy / "alertmanager", _CONFIG, "templates/*.tmpl")
    return {**texts, _CONFIG: alertmanager_config(texts[_CONFIG], file)}


def put(files: Mapping[str, str], folder: Path, user: int, chown: Chown) -> None:
    """Make a folder hold these files and no others, for one user to read."""
    for name in sorted({"", *(str(Path(name).parent) for name in files)}):
        (folder / name).mkdir(exist_ok=True)
        chown(folder / name, user, user)
        (folder / name).chmod(0o500)
    for name, text in files.items():
        write(folder / name, text, user, chown)
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()


def _texts(folder: Path, *patterns: str) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
    }
