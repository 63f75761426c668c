"""``canvas-sync-monitor messages test``: checks whether a destination receives messages."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from typing import Any

from canvas_sync_core.errors import CanvasSyncMonitorError, SettingsError
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.config_file.channels import ChannelSettings
from canvas_sync_exporter.config_file.problems import did_you_mean
from canvas_sync_exporter.messages.channel import DeliveryError
from canvas_sync_exporter.messages.channels.factory import make_channels
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.testing import send_test
from canvas_sync_exporter.settings import Configuration, full_configuration

from . import FAILED
from .databases import reading_database
from .options import add_command
from .output import note
from .pause import author

__all__ = ["add_test"]


def add_test(group: Any) -> None:
    """Add the command to its group."""
    parser = add_command(
        group,
        "test",
        _test,
        "send a test message to a destination",
        more="It is sent at once, even in quiet hours and while no exporter runs.",
    )
    parser.add_argument(
        "channel", metavar="CHANNEL", help="the destination, such as slack or email.head"
    )


def _test(arguments: argparse.Namespace) -> int:
    """Send a test message.

    Returns:
        The exit code.

    Raises:
        SettingsError: There is no such destination, or its settings are wrong.
    """
    config = full_configuration(os.environ)
    settings = config.file.messages
    (channel,) = make_channels([_find(config, arguments.channel)])
    formats = Formats(settings.locale, settings.zone or config.app.timezone)
    try:
        message = send_test(channel, config.file.links, formats, author(), datetime.now(UTC))
    except DeliveryError as error:
        note(f"{channel.name} received nothing: {error}")
        return FAILED
    _record(config, message)
    print(f"{channel.name} accepted the test message.")
    return 0


def _find(config: Configuration, name: str) -> ChannelSettings:
    channels = {each.name: each for each in config.file.messages.channels}
    if name in channels:
        return channels[name]
    if not channels:
        raise SettingsError(
            "There is no destination of messages. Add a section such as [messages.slack] to the "
            "configuration file."
        )
    known = f"; there are {', '.join(channels)}"
    raise SettingsError(
        f"There is no destination {name!r}{did_you_mean(name, list(channels)) or known}"
    )


def _record(config: Configuration, message: Message) -> None:
    """Note the success in the outbox, which ends the incident of a channel that failed."""
    try:
        with reading_database(config) as engine:
            add_messages(engine, [message])
    except CanvasSyncMonitorError as error:
        note(f"warning: the success cannot be recorded: {error}")
