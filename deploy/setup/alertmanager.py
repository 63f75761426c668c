"""Alertmanager's configuration, with the destinations of the exporter's configuration file.

``deploy/alertmanager/alertmanager.yml`` is the frame. Receivers and routes are written as JSON,
which is YAML too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from canvas_sync_core.names import MessageKind, Severity
from canvas_sync_exporter.config_file.channels import (
    ChannelSettings,
    EmailSettings,
    Security,
    SlackSettings,
)
from canvas_sync_exporter.config_file.config_file import ConfigFile

__all__ = ["alertmanager_config"]

_ROUTE: Final = "    # - {{receiver: {}, continue: true}}\n"
_PUNCTUATION: Final = re.compile(r"[!-/:-@\[-`{-~]")
_BOT_API: Final = "https://slack.com/api/chat.postMessage"
_SMTPS: Final = 465
"""On this port Alertmanager encrypts from the start; for others its configuration must say so."""


def alertmanager_config(frame: str, file: ConfigFile) -> str:
    """Return the configuration.

    Args:
        frame: The delivered configuration, which notifies nobody.
        file: The exporter's configuration file, its secrets read. They become part of the text.
    """
    channels = [each for each in file.messages.channels if _is_known(each)]
    routes = "".join(f"    - {_json(_route(each))}\n" for each in channels)
    head, receivers, _examples = frame.partition("\nreceivers:\n")
    head = head.replace(_ROUTE.format("slack"), routes).replace(_ROUTE.format("email"), "")
    return head + receivers + "".join(f"  - {_json(each)}\n" for each in _receivers(channels, file))


def _is_known(channel: ChannelSettings) -> bool:
    """Return whether alerts can go there: a webhook of ours is of another format."""
    return MessageKind.INCIDENT in channel.audience.kinds and isinstance(
        channel, SlackSettings | EmailSettings
    )


def _route(channel: ChannelSettings) -> Mapping[str, Any]:
    matchers = []
    if channel.audience.severities != frozenset(Severity):
        matchers.append(f'severity=~"{"|".join(sorted(channel.audience.severities))}"')
    if channel.audience.sync_types:
        names = (_PUNCTUATION.sub(r"\\\g<0>", name) for name in channel.audience.sync_types)
        pattern = "|".join(["", *sorted(names)])  # "": alerts that concern no sync type
        matchers.append(f"sync_type=~{json.dumps(pattern, ensure_ascii=False)}")
    route = {"receiver": channel.name, "continue": True}
    return {**route, "matchers": matchers} if matchers else route


def _receivers(
    channels: Sequence[ChannelSettings], file: ConfigFile
) -> Iterator[Mapping[str, Any]]:
    yield {"name": "nobody"}
    switch: dict[str, Any] = {"name": "dead-mans-switch"}
    if file.alerts.dead_mans_switch is not None:
        hook = {"url": file.alerts.dead_mans_switch, "send_resolved": False}
        switch["webhook_configs"] = [hook]
    yield switch
    for channel in channels:
        if isinstance(channel, SlackSettings):
            yield {"name": channel.name, "slack_configs": [_slack(channel)]}
        elif isinstance(channel, EmailSettings):
            yield {"name": channel.name, "email_configs": [_email(channel)]}


def _slack(channel: SlackSettings) -> Mapping[str, Any]:
    destination: Mapping[str, Any] = {"api_url": channel.webhook}
    if channel.token is not None:
        authorization = {"credentials": channel.token}
        destination = {
            "api_url": _BOT_API,
            "channel": channel.channel,
            "http_config": {"authorization": authorization},
        }
    return {
        **destination,
        "send_resolved": True,
        "color": _template("color"),
        "title": _template("slack.title"),
        "title_link": _template("alerts_url"),
        "text": _template("slack.text"),
        "fallback": _template("slack.title"),
        "footer": "canvas-sync-monitor",
    }


def _email(channel: EmailSettings) -> Mapping[str, Any]:
    return {
        "to": ", ".join(channel.recipients),
        "from": channel.sender,
        "smarthost": _address(channel),
        **_login(channel),
        **_encryption(channel),
        "send_resolved": True,
        "headers": {"Subject": _template("title")},
        "html": _template("email.html"),
        "text": _template("email.text"),
    }


def _address(channel: EmailSettings) -> str:
    host = f"[{channel.host}]" if ":" in channel.host else channel.host
    return f"{host}:{channel.port}"


def _login(channel: EmailSettings) -> Mapping[str, Any]:
    if channel.password is None:
        return {}
    return {"auth_username": channel.user, "auth_password": channel.password}


def _encryption(channel: EmailSettings) -> Mapping[str, Any]:
    options: dict[str, Any] = {"require_tls": channel.security is Security.STARTTLS}
    if channel.security is Security.TLS and channel.port != _SMTPS:
        options["force_implicit_tls"] = True
    if channel.ca_file is not None:
        options["tls_config"] = {"ca": channel.ca_file.read_text(encoding="utf-8")}
    return options


def _template(name: str) -> str:
    return f'{{{{ template "canvas_sync.{name}" . }}}}'


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)
