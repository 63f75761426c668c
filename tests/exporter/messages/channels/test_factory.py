"""Each destination of the configuration file gets its channel."""

from __future__ import annotations

import subprocess
import sys

from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import (
    AppriseSettings,
    EmailSettings,
    Security,
    SlackSettings,
    WebhookSettings,
)
from canvas_sync_exporter.messages.channels.factory import make_channels

ALL = Audience()


def test_each_destination_gets_its_channel() -> None:
    channels = make_channels(
        [
            SlackSettings(name="slack.a", audience=ALL, webhook="https://hooks.slack.com/x"),
            SlackSettings(name="slack.b", audience=ALL, token="xoxb-1", channel="#a"),
            EmailSettings(
                name="email",
                audience=ALL,
                host="127.0.0.1",
                port=25,
                security=Security.STARTTLS,
                ca_file=None,
                user="",
                password=None,
                sender="a@example.edu",
                recipients=("b@example.edu",),
            ),
            WebhookSettings(name="webhook", audience=ALL, url="https://example.edu/"),
            AppriseSettings(name="apprise", audience=ALL, url="json://127.0.0.1/"),
        ]
    )
    assert {each.name: type(each).__name__ for each in channels} == {
        "slack.a": "SlackWebhookChannel",
        "slack.b": "SlackBotChannel",
        "email": "EmailChannel",
        "webhook": "WebhookChannel",
        "apprise": "AppriseChannel",
    }


def test_nothing_is_imported_for_destinations_that_do_not_exist() -> None:
    program = (
        "import sys; from canvas_sync_exporter.messages.channels.factory import make_channels; "
        "make_channels(()); print({'slack_sdk', 'css_inline', 'apprise'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
