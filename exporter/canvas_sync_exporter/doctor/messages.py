"""Checks of messages: whether destinations can be reached, and whether they receive anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.names import DISTRIBUTION, MessageKind, Severity
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import ChannelSettings
from canvas_sync_exporter.config_file.links import LinkSettings
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.messages.channel import CheckableChannel, DeliveryError
from canvas_sync_exporter.messages.channels.factory import make_channels
from canvas_sync_exporter.settings import Configuration, full_configuration

from .finding import Finding

__all__ = ["config_file", "destination", "links", "receivers"]

_INSTALL: Final = f"pip install '{DISTRIBUTION}[exporter]'"


def config_file(environ: Mapping[str, str]) -> tuple[Finding, Configuration | None]:
    """Check the configuration file; also return the settings with it, if it can be used."""
    try:
        config = full_configuration(environ)
    except SettingsError as error:
        return Finding.failed(" ".join(str(error).splitlines()), "Correct the file."), None
    except ImportError as error:
        return Finding.failed(f"It cannot be read: {error}.", _INSTALL), None
    if config.file.path is None:
        return Finding.ok("There is none; the exporter learns when syncs run."), config
    if config.file.deprecations:
        moves = "Do so before the next release."
        return Finding.warning(" ".join(config.file.deprecations), moves), config
    return Finding.ok(f"{config.file.path} can be used."), config


def destination(settings: ChannelSettings) -> Finding:
    """Check whether a destination accepts messages, without sending one."""
    try:
        (channel,) = make_channels((settings,))
        if not isinstance(channel, CheckableChannel):
            return Finding.ok(
                f"Only a message shows whether it works: {DISTRIBUTION} messages test "
                f"{settings.name}"
            )
        return Finding.ok(channel.check())
    except DeliveryError as error:
        return Finding.failed(
            f"Messages cannot be sent: {error}.",
            f"Correct [messages.{settings.name}] in the configuration file, or repair the "
            f"connection. Then: {DISTRIBUTION} messages test {settings.name}",
        )
    except SettingsError as error:
        return Finding.failed(str(error), "Correct the configuration file.")
    except ImportError as error:
        return Finding.failed(f"Messages cannot be sent: {error}.", _INSTALL)


def receivers(messages: MessageSettings) -> Finding:
    """Check that every destination receives something, and that one gets critical incidents."""
    idle = [each.name for each in messages.channels if not _receives_anything(each, messages)]
    if idle:
        return Finding.warning(
            f"Nothing is ever sent to {', '.join(idle)}: its `kinds`, `severities` and "
            "`sync_types` leave nothing of what the exporter sends.",
            "Correct them, or remove the destination.",
        )
    if not messages.incidents:
        return Finding.ok("Messages about incidents are left to Alertmanager.")
    if not any(_wants_critical(each.audience) for each in messages.channels):
        return Finding.warning(
            "No destination receives critical incidents of all sync types.",
            'Add "incident" to the `kinds` of one, and "critical" to its `severities`.',
        )
    names = [each.name for each in messages.channels]
    verb = "is" if len(names) == 1 else "are"
    return Finding.ok(f"{', '.join(names)} {verb} configured.")


def links(settings: LinkSettings) -> Finding:
    """Check whether messages lead to the pages of the exporter."""
    if settings.page_url is None:
        return Finding.warning(
            "Messages have no links to the exporter's pages.",
            'Write where people reach it: page_url = "https://..." below [links].',
        )
    return Finding.ok(f"Links of messages lead to {settings.page_url}.")


def _receives_anything(settings: ChannelSettings, messages: MessageSettings) -> bool:
    reports = settings.audience.kinds & set(messages.reports.kinds)
    has_incidents = messages.incidents and MessageKind.INCIDENT in settings.audience.kinds
    return bool(reports) or (has_incidents and bool(settings.audience.severities))


def _wants_critical(audience: Audience) -> bool:
    is_for_all = not audience.sync_types
    return is_for_all and audience.wants_incident(Severity.CRITICAL, None)
