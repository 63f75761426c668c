"""Makes the channels that the configuration file describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from canvas_sync_exporter.config_file.channels import (
    ChannelSettings,
    SlackSettings,
    WebhookSettings,
)
from canvas_sync_exporter.messages.channel import Channel

__all__ = ["make_channels"]


def make_channels(settings: Iterable[ChannelSettings]) -> tuple[Channel, ...]:
    """Return a channel for each destination.

    Raises:
        ImportError: A package that a channel needs is not installed.
        SettingsError: A secret cannot be used.
    """
    return tuple(_make(settings))


def _make(settings: Iterable[ChannelSettings]) -> Iterator[Channel]:
    for each in settings:
        if isinstance(each, SlackSettings):
            yield _make_slack(each)
        elif isinstance(each, WebhookSettings):
            from .webhook import WebhookChannel  # noqa: PLC0415 - as above

            yield WebhookChannel(each)


def _make_slack(settings: SlackSettings) -> Channel:
    from .slack import SlackBotChannel, SlackWebhookChannel  # noqa: PLC0415 - as above

    if settings.webhook is not None:
        return SlackWebhookChannel(settings, settings.webhook)
    return SlackBotChannel(settings, settings.token or "")
