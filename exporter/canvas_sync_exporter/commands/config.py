"""``canvas-sync-monitor config``: the configuration file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import StorageError
from canvas_sync_core.names import MessageKind, Severity
from canvas_sync_core.store.database import check_schema, open_engine
from canvas_sync_core.store.start_times import StartTimes
from canvas_sync_core.store.sync_types import known_sync_types
from canvas_sync_exporter.config_file.audience import KINDS
from canvas_sync_exporter.config_file.config_file import unknown_syncs
from canvas_sync_exporter.config_file.links import LinkSettings
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.messages.channels.factory import make_channels
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration, full_configuration

from .expectation_text import describe_pause, expectation_lines
from .options import add_command, add_group

__all__ = ["add_parser", "run_check"]

_Starts = Mapping[str, Sequence[datetime]]


def add_parser(subparsers: Any) -> None:
    """Add the commands to a command line."""
    group = add_group(subparsers, "config")
    parser = add_command(group, "check", run_check, "check the file, and show what it means")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="the file to check; default: the one that the exporter reads",
    )


def run_check(arguments: argparse.Namespace) -> int:
    """Check a configuration file and show how the exporter understands it.

    Returns:
        The exit code.

    Raises:
        SettingsError: The file cannot be used; the message names each mistake with its line.
    """
    config = full_configuration(os.environ, config=arguments.file)
    make_channels(config.file.messages.channels)  # as the exporter does, so that it refuses no more
    now = datetime.now(UTC)
    starts, known = _past(config, now)
    unknown = unknown_syncs(config.file, known) if known else []
    for warning in (*config.file.deprecations, *unknown):
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(_lines(config, starts, now)))
    return 0


def _lines(config: Configuration, starts: _Starts, now: datetime) -> list[str]:
    file, zone = config.file, config.app.timezone
    lines = [f"{file.path} can be used." if file.path else "There is no configuration file."]
    lines.append(f"Times are in {zone}.")
    expected = Expectations(config).at(now, starts)
    for each in expected:
        lines += ["", *expectation_lines(each, now, zone)]
    open_ones = sorted(set(file.syncs) - {each.sync_type for each in expected})
    lines += [line for name in open_ones for line in ("", f"{name}: learned once it has run")]
    if file.pauses:
        lines += ["", "pauses:", *(f"  {describe_pause(each, zone)}" for each in file.pauses)]
    if file.heartbeat.url:
        host = urlsplit(file.heartbeat.url).hostname
        lines += ["", f"heartbeat: to {host}"]
    if targets := list(_link_targets(file.links)):
        lines += ["", f"links: {', '.join(targets)}"]
    if file.hosts:
        lines += ["", "hosts:", *(f"  {host}: {url}" for host, url in sorted(file.hosts.items()))]
    if file.messages.channels:
        lines += ["", "messages:", *_destination_lines(file.messages)]
    return lines


def _link_targets(links: LinkSettings) -> Iterator[str]:
    """Say where links lead."""
    if links.page_url is not None:
        yield f"web pages at {links.page_url}"
    if links.runbook_url is not None:
        yield f"runbooks at {links.runbook_url}"
    if links.grafana_url is not None:
        yield f"dashboards at {links.grafana_url}"
    if links.trace_url is not None:
        yield f"traces at {urlsplit(links.trace_url).netloc}"


def _destination_lines(messages: MessageSettings) -> Iterator[str]:
    """Describe which messages each destination receives."""
    sent = {*messages.reports.kinds, *([MessageKind.INCIDENT] if messages.incidents else [])}
    for channel in messages.channels:
        audience = channel.audience
        kinds = [kind for kind in KINDS if kind in audience.kinds & sent]
        line = f"  {channel.name}: {', '.join(kinds) or 'nothing'}"
        if MessageKind.INCIDENT in kinds and audience.severities != frozenset(Severity):
            line += f"; only {' and '.join(sorted(audience.severities))} incidents"
        if MessageKind.INCIDENT in kinds and audience.sync_types:
            line += f"; incidents of {', '.join(sorted(audience.sync_types))}"
        yield line
    if messages.quiet_hours is not None:
        quiet = messages.quiet_hours
        yield f"  quiet hours: {quiet.hours.text} ({quiet.zone}), except for critical incidents"


def _past(config: Configuration, now: datetime) -> tuple[_Starts, Collection[str]]:
    """Return past starts by sync type; nothing if there is no database yet."""
    url = make_url(config.app.resolved_database_url)
    if config.embedded_database and not Path(url.database or "").exists():
        return {}, ()
    engine = open_engine(config.app.resolved_database_url)
    try:
        check_schema(engine)
        return StartTimes(engine).read(now), known_sync_types(engine)
    except (SQLAlchemyError, StorageError, OSError) as error:
        print(f"warning: The past runs cannot be read: {reason(error)}", file=sys.stderr)
        return {}, ()
    finally:
        engine.dispose()
