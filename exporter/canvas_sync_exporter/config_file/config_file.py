"""The configuration file as a whole: its path, its content, and what has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final

from canvas_sync_exporter.schedules.pause import Pause

from .alerts import AlertSettings, read_alerts
from .document import read_document
from .heartbeat import HeartbeatSettings, read_heartbeat
from .hosts import read_hosts
from .links import LinkSettings, former_links, read_links
from .messages import MessageSettings, read_messages
from .pauses import read_pauses
from .problems import ConfigFileError, Problem, did_you_mean
from .syncs import SyncSettings, read_syncs
from .table import Table

__all__ = [
    "ConfigFile",
    "changed_sections",
    "find_config_file",
    "new_config_file",
    "read_config_file",
    "unknown_syncs",
]

_NAME: Final = "canvas-sync-monitor.toml"
_OF_THE_MACHINE: Final = Path("/etc/canvas-sync-monitor/config.toml")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The content of the configuration file; empty without a file.

    Attributes:
        path: The file; None when there is none.
        syncs: Settings by sync type.
        pauses: Planned pauses, ordered by start.
        heartbeat: Where the exporter reports that it is alive.
        links: Where the web pages, runbooks, dashboards and traces are.
        messages: What the exporter sends, and to whom.
        alerts: Settings of Prometheus and Alertmanager.
        hosts: Where the exporter of each host is, by the name of the host.
        deprecations: A sentence for each key that will not be read much longer.
    """

    path: Path | None = None
    syncs: Mapping[str, SyncSettings] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    heartbeat: HeartbeatSettings = field(default_factory=HeartbeatSettings)
    links: LinkSettings = field(default_factory=LinkSettings)
    messages: MessageSettings = field(default_factory=MessageSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    hosts: Mapping[str, str] = field(default_factory=dict)
    deprecations: tuple[str, ...] = ()


def find_config_file(named: Path | None, log_dir: Path) -> Path | None:
    """Return the configuration file; None when there is none.

    Args:
        named: The file that the settings name, whether or not it exists.
        log_dir: The log folder; the file may be beside it.
    """
    if named is not None:
        return named
    folder = log_dir.absolute().parent
    # If we may not enter the folder, the logs are inaccessible too. Report that error instead,
    # because it says which user to run as.
    beside = [folder / _NAME] if os.access(folder, os.X_OK, effective_ids=True) else []
    return next((path for path in (*beside, _OF_THE_MACHINE) if _exists(path)), None)


def new_config_file(named: Path | None, log_dir: Path) -> Path:
    """Return where to write a configuration file if there is none: the exporter will find it.

    Args:
        named: The file that the settings name.
        log_dir: The log folder; the file is beside it.
    """
    return named or log_dir.absolute().parent / _NAME


def read_config_file(
    path: Path, zone: tzinfo, environ: Mapping[str, str] = os.environ
) -> ConfigFile:
    """Read and check a configuration file.

    Args:
        path: The file.
        zone: The default time zone.
        environ: Where to look up variables that hold secrets.

    Raises:
        ConfigFileError: The file cannot be used; the message lists all mistakes with their lines.
    """
    document = read_document(path)
    problems: list[Problem] = []
    table = Table(document, problems, (), document.data)
    messages = table.table("messages")
    file = ConfigFile(
        path,
        syncs=read_syncs(table.table("syncs"), zone),
        pauses=read_pauses(list(table.tables("pauses")), zone),
        heartbeat=read_heartbeat(table.table("heartbeat")),
        links=read_links(table.table("links"), messages),
        messages=read_messages(messages, zone, environ),
        alerts=read_alerts(table.table("alerts"), environ),
        hosts=read_hosts(table.table("hosts")),
        deprecations=tuple(each.describe(path) for each in former_links(messages)),
    )
    table.reject_unknown()
    if problems:
        raise ConfigFileError(path, problems)
    return file


def unknown_syncs(file: ConfigFile, known: Iterable[str]) -> list[str]:
    """Return a warning for each sync type of the file that has never run.

    Args:
        file: The configuration file.
        known: The sync types that have run.
    """
    types = sorted(known)
    named = set(file.syncs).union(
        *(pause.sync_types for pause in file.pauses),
        *(channel.audience.sync_types for channel in file.messages.channels),
    )
    return [
        f"There is no run of `{name}` so far{did_you_mean(name, types)}".removesuffix(".")
        for name in sorted(named - set(types))
    ]


def changed_sections(before: ConfigFile, after: ConfigFile) -> list[str]:
    """Return the names of the sections that differ, without any values."""
    names = sorted({*before.syncs, *after.syncs})
    changes = [f"[syncs.{name}]" for name in names if _differs(before.syncs, after.syncs, name)]
    if before.pauses != after.pauses:
        changes.append("[[pauses]]")
    if before.heartbeat != after.heartbeat:
        changes.append("[heartbeat]")
    if before.alerts != after.alerts:
        changes.append("[alerts]")
    if before.links != after.links:
        changes.append("[links]")
    if before.hosts != after.hosts:
        changes.append("[hosts]")
    return changes + _changed_messages(before.messages, after.messages)


def _changed_messages(before: MessageSettings, after: MessageSettings) -> list[str]:
    apart = MessageSettings()
    general = [replace(each, reports=apart.reports, channels=()) for each in (before, after)]
    changes = ["[messages]"] if general[0] != general[1] else []
    if before.reports != after.reports:
        changes.append("[messages.reports]")
    old, new = ({each.name: each for each in settings.channels} for settings in (before, after))
    names = [name for name in sorted({*old, *new}) if _differs(old, new, name)]
    return changes + [f"[messages.{name}]" for name in names]


def _differs(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> bool:
    return bool(before.get(name) != after.get(name))


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # reading it will report why it cannot be used
    return True
