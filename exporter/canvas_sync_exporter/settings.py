"""Settings of the exporter, in addition to those of the instrumented app."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.schema.labels import MAX_COMBINATIONS, MAX_TOKENS
from canvas_sync_core.settings import Settings, number, path, read, setting, whole_number
from canvas_sync_exporter.schedules.durations import UNITS, parse_duration

from .config_file.config_file import (
    ConfigFile,
    changed_sections,
    find_config_file,
    read_config_file,
)
from .config_file.reports import ReportSettings

__all__ = [
    "Configuration",
    "ExporterSettings",
    "Network",
    "changed_settings",
    "clock_time",
    "configuration",
    "expiries",
    "full_configuration",
    "host_name",
    "intervals",
    "networks",
]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_INTERVAL: Final = re.compile(
    rf"(?P<sync_type>[^=]+)=(?P<number>[1-9]\d{{0,5}})(?P<unit>[{''.join(UNITS)}])"
)
_YEARS: Final = range(1970, 9999)
_TOKEN_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")


def host_name(raw: str) -> str:
    """A host name or address; the brackets around an IPv6 address, as in a URL, are dropped."""
    return raw[1:-1] if raw.startswith("[") and raw.endswith("]") else raw


def networks(raw: str) -> tuple[Network, ...]:
    """Addresses and networks, such as ``127.0.0.1,10.0.0.0/8``."""
    found = []
    for word in filter(None, map(str.strip, raw.split(","))):
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise ValueError(
                f"use addresses and networks such as 127.0.0.1,10.0.0.0/8: {error}"
            ) from None
    return tuple(found)


def clock_time(raw: str) -> dt.time:
    """A time of day, such as ``02:00``."""
    try:
        value = dt.time.fromisoformat(raw)
    except ValueError:
        raise ValueError("use a time of day such as 02:00") from None
    if value.tzinfo is not None:
        raise ValueError("use a time of day without a zone; CANVAS_SYNC_TIMEZONE names the zone")
    return value


def intervals(raw: str) -> tuple[tuple[str, int], ...]:
    """Sync types with an interval each, such as ``full=24h,incremental=1h``, in seconds."""
    found: dict[str, int] = {}
    for word in filter(None, map(str.strip, raw.split(","))):
        match = _INTERVAL.fullmatch(word)
        if match is None:
            raise ValueError(
                "use sync types with the time between their runs, such as "
                "full=24h,incremental=1h (units: s, m, h, d, w)"
            )
        if match["sync_type"] in found:
            raise ValueError(f"{match['sync_type']} is listed twice; list it once")
        length = parse_duration(f"{match['number']}{match['unit']}")
        found[match["sync_type"]] = int(length.total_seconds())
    if len(found) > MAX_COMBINATIONS:
        raise ValueError(f"list at most {MAX_COMBINATIONS} sync types: each becomes a label value")
    return tuple(found.items())


def expiries(raw: str) -> tuple[tuple[str, dt.datetime], ...]:
    """Names with a time each, such as ``nightly=2027-01-31``; UTC unless a zone is given."""
    found: dict[str, dt.datetime] = {}
    for word in filter(None, map(str.strip, raw.split(","))):
        name, _, moment = word.partition("=")
        if not _TOKEN_NAME.fullmatch(name) or name in found:
            raise ValueError("list each token once, by a name of up to 40 letters, digits and .-_")
        try:
            value = dt.datetime.fromisoformat(moment)
        except ValueError:
            raise ValueError("use a date for each token, such as nightly=2027-01-31") from None
        if value.year not in _YEARS:  # the first and the last year have times that UTC has not
            raise ValueError(f"use a date from {_YEARS[0]} to {_YEARS[-1]} for each token")
        found[name] = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    if len(found) > MAX_TOKENS:
        raise ValueError(f"list at most {MAX_TOKENS} tokens: each becomes a label value")
    return tuple(found.items())


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """The exporter's own settings. All have defaults that work on one machine."""

    host: str = setting(
        "CANVAS_SYNC_EXPORTER_HOST",
        host_name,
        "127.0.0.1",
        "Address that the exporter listens on; any other than loopback needs tokens.",
    )
    port: int = setting(
        "CANVAS_SYNC_EXPORTER_PORT",
        whole_number(0, 65535),
        5000,
        "Port that the exporter listens on; 0 takes a free one.",
    )
    tokens_file: Path | None = setting(
        "CANVAS_SYNC_TOKENS_FILE",
        path,
        None,
        "File with the hashes of the access tokens; without it only this machine is answered.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "CANVAS_SYNC_TRUSTED_PROXIES",
        networks,
        (),
        "Addresses and networks of reverse proxies (`127.0.0.1,10.0.0.0/8`) whose "
        "`X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` are believed; others' are ignored.",
    )
    interrupted_after_seconds: float = setting(
        "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS",
        number(0.2, 604800),
        60.0,
        "A running sync without a heartbeat for so long counts as interrupted; over twice "
        "CANVAS_SYNC_HEARTBEAT_SECONDS.",
    )
    config: Path | None = setting(
        "CANVAS_SYNC_CONFIG",
        path,
        None,
        "The configuration file with schedules and pauses; when unset, `canvas-sync-monitor.toml` "
        "beside the log folder or `/etc/canvas-sync-monitor/config.toml`, if there is one.",
    )
    expected_intervals: tuple[tuple[str, int], ...] = setting(
        "CANVAS_SYNC_EXPECTED_INTERVALS",
        intervals,
        (),
        "How often runs of each sync type are expected to succeed (`full=24h,incremental=1h`). "
        "Other types are expected as their past runs suggest.",
    )
    token_expires: tuple[tuple[str, dt.datetime], ...] = setting(
        "CANVAS_SYNC_TOKEN_EXPIRES",
        expiries,
        (),
        "When access tokens of Canvas expire (`nightly=2027-01-31,3f2a91c0=2027-06-30`), by a name "
        "of your own or by the token's short hash; an alert warns two weeks before.",
    )
    cleanup_time: dt.time = setting(
        "CANVAS_SYNC_CLEANUP_TIME", clock_time, dt.time(2), "When the nightly log cleanup runs."
    )
    archive_dir: Path | None = setting(
        "CANVAS_SYNC_ARCHIVE_DIR",
        path,
        None,
        "Folder of the archives; `archive` inside the log folder when unset.",
    )
    archive_days: int = setting(
        "CANVAS_SYNC_ARCHIVE_DAYS",
        whole_number(1, 36500),
        30,
        "Archives older than this many days are deleted.",
    )
    keep_lines: int = setting(
        "CANVAS_SYNC_KEEP_LINES",
        whole_number(0, 10_000_000),
        10_000,
        "Number of newest lines that stay in an oversized log when the others are archived.",
    )
    max_live_bytes: int = setting(
        "CANVAS_SYNC_MAX_LIVE_BYTES",
        whole_number(0, 10**12),
        10 * 1024 * 1024,
        "A log up to this size stays whole; of a larger one the cleanup archives the older lines.",
    )
    run_days: int | None = setting(
        "CANVAS_SYNC_RUN_DAYS",
        whole_number(1, 36500),
        None,
        "Ended runs that began more than this many days ago are deleted from the table; all are "
        "kept when unset.",
    )

    @property
    def token_expiries(self) -> dict[str, float]:
        """When tokens expire, in seconds since the epoch."""
        return {token: moment.timestamp() for token, moment in self.token_expires}


@dataclass(frozen=True, slots=True)
class Configuration:
    """The exporter's settings together with those of the instrumented app.

    Attributes:
        file: Contents of the configuration file; empty if it was not read.
    """

    app: Settings
    exporter: ExporterSettings
    file: ConfigFile = dataclasses.field(default_factory=ConfigFile)

    @property
    def config_file(self) -> Path | None:
        """The configuration file; None if there is none."""
        return find_config_file(self.exporter.config, self.app.log_dir)

    @property
    def reports(self) -> ReportSettings:
        """Which reports are made, and when, in the time zone of messages."""
        messages = self.file.messages
        return dataclasses.replace(messages.reports, timezone=messages.zone or self.app.timezone)

    @property
    def archive_folder(self) -> Path:
        """Folder of the archives."""
        return self.exporter.archive_dir or self.app.log_dir / "archive"

    @property
    def embedded_database(self) -> bool:
        """Whether the table is in the SQLite file of the state folder."""
        return self.app.database_url is None


def configuration(environ: Mapping[str, str], **overrides: Any) -> Configuration:
    """Read both groups of settings and check them against each other.

    Args:
        environ: Where to look the variables up.
        overrides: Fields of :class:`ExporterSettings` that win over the environment.

    Raises:
        SettingsError: A value cannot be used; the message names the setting.
    """
    app = read(Settings, environ)
    exporter = read(ExporterSettings, environ, **overrides)
    if exporter.interrupted_after_seconds <= 2 * app.heartbeat_seconds:
        raise SettingsError(
            f"CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS: {exporter.interrupted_after_seconds:g} cannot "
            "be used: it must be over twice CANVAS_SYNC_HEARTBEAT_SECONDS, which is "
            f"{app.heartbeat_seconds:g}."
        )
    return Configuration(app, exporter)


def full_configuration(environ: Mapping[str, str], **overrides: Any) -> Configuration:
    """Read both groups of settings, and the configuration file if there is one.

    Args:
        environ: Where to look the variables up.
        overrides: Fields of :class:`ExporterSettings` that win over the environment.

    Raises:
        SettingsError: A value or the file cannot be used; the message names the setting, or the
            file with the line.
    """
    config = configuration(environ, **overrides)
    file = config.config_file
    if file is None:
        return config
    content = read_config_file(file, config.app.timezone, environ)
    return dataclasses.replace(config, file=content)


def changed_settings(before: Configuration, after: Configuration) -> list[str]:
    """Return the settings that differ, one line each, without the values of secrets."""
    changes = []
    for old, new in ((before.app, after.app), (before.exporter, after.exporter)):
        for field in dataclasses.fields(old):
            values = getattr(old, field.name), getattr(new, field.name)
            if values[0] != values[1]:
                shown = "" if field.metadata["secret"] else f" from {values[0]} to {values[1]}"
                changes.append(f"{field.metadata['env']}{shown}")
    return changes + changed_sections(before.file, after.file)
