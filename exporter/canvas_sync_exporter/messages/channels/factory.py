"""Makes the channels that the configuration file names."""

from __future__ import annotations

from collections.abc import Iterable

from canvas_sync_exporter.config_file.channels import (
    AppriseSettings,
    ChannelSettings,
    EmailSettings,
    SlackSettings,
    WebhookSettings,
)
from canvas_sync_exporter.messages.channel import Channel

__all__ = ["make_channels"]


def make_channels(settings: Iterable[ChannelSettings]) -> tuple[Channel, ...]:
    """Make a channel for each destination.

    Args:
        settings: The destinations.

    Raises:
        SettingsError: One cannot be used: a secret is not base64, a file of certificates is
            broken, or Apprise is missing or does not know a URL.
        ImportError: A package of the exporter is not installed.
    """
    return tuple(map(_make, settings))


def _make(settings: ChannelSettings) -> Channel:
    # What a channel needs is imported if it is used: the libraries take a while to load.
    match settings:
        case SlackSettings(webhook=str(webhook)):
            from .slack import SlackWebhookChannel  # noqa: PLC0415

            return SlackWebhookChannel(settings, webhook)
        case SlackSettings():
            from .slack import SlackBotChannel  # noqa: PLC0415

            return SlackBotChannel(settings, settings.token or "")
        case EmailSettings():
            from .email import EmailChannel  # noqa: PLC0415

            return EmailChannel(settings)
        case WebhookSettings():
            from .webhook import WebhookChannel  # noqa: PLC0415

            return WebhookChannel(settings)
        case AppriseSettings():
            from .apprise import AppriseChannel  # noqa: PLC0415

            return AppriseChannel(settings)
