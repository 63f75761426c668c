"""Checks whether Alertmanager and the exporter both send messages about incidents."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.reasons import reason

from .finding import Finding
from .services import get_json

__all__ = ["messages_sent_once", "notified_receivers"]

_ROUTED: Final = re.compile(r"\breceiver:[ ]*['\"]?([^\s'\",}]+)")
_RECEIVER: Final = re.compile(r"^- name:[ ]*['\"]?([^\s'\"]+)['\"]?\n((?:[ ].*\n?)*)", re.MULTILINE)
_HAS_DESTINATION: Final = re.compile(r"^  \w+_configs:", re.MULTILINE)
_WATCHDOG: Final = "dead-mans-switch"
"""The receiver of the alert that always fires, which is not a message about an incident."""
_HELD_BACK: Final = 'incidents_from="exporter"'
"""Part of the rule that holds alerts about incidents back while the exporter sends messages."""
_REMEDY: Final = (
    "Write incidents = false below [messages] in the exporter's configuration file, or copy the "
    'inhibit rule with incidents_from="exporter" into Alertmanager\'s.'
)


def messages_sent_once(messages: MessageSettings, prometheus_url: str) -> Finding:
    """Check that only one of the two sends messages about incidents.

    Args:
        messages: What the exporter sends.
        prometheus_url: The Prometheus, which knows where its Alertmanager is.
    """
    ours = messages.for_incidents
    if not ours:
        return Finding.ok("The exporter sends no messages about incidents.")
    try:
        theirs = [name for url in _alertmanagers(prometheus_url) for name in _receivers(url)]
    except (OSError, ValueError, LookupError, TypeError) as error:
        return Finding.warning(
            f"The exporter sends messages about incidents to {', '.join(ours)}. Whether "
            f"Alertmanager does so too is unknown: {reason(error)}.",
            f"If it does: {_REMEDY}",
        )
    if not theirs:
        return Finding.ok("Only the exporter sends messages about incidents.")
    return Finding.warning(
        f"Incidents are sent twice: by the exporter to {', '.join(ours)}, and by Alertmanager to "
        f"{', '.join(sorted(set(theirs)))}.",
        _REMEDY,
    )


def notified_receivers(config: str) -> list[str]:
    """Return the receivers with a destination that get alerts about incidents in any case.

    Args:
        config: Alertmanager's configuration, as its API prints it.
    """
    if _HELD_BACK in config:
        return []
    routed = set(_ROUTED.findall(config)) - {_WATCHDOG}
    return [
        name
        for name, content in _RECEIVER.findall(config)
        if name in routed and _HAS_DESTINATION.search(content)
    ]


def _alertmanagers(prometheus_url: str) -> list[str]:
    found = get_json(f"{prometheus_url.rstrip('/')}/api/v1/alertmanagers")
    return [str(each["url"]) for each in found["data"]["activeAlertmanagers"]]


def _receivers(url: str) -> list[str]:
    """Return the receivers of the Alertmanager to whose URL Prometheus sends alerts."""
    parts = urlsplit(url)
    path = parts.path.removesuffix("/alerts")
    status: Any = get_json(urlunsplit(parts._replace(path=f"{path}/status")))
    return notified_receivers(status["config"]["original"])
