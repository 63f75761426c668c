"""``docs/reference/configuration-file.md`` names each key, and its examples can be used."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from canvas_sync_exporter.config_file.config_file import read_config_file
from canvas_sync_exporter.config_file.problems import ConfigFileError
from support.markdown import DOCS, blocks, table

PAGE = DOCS / "reference" / "configuration-file.md"
VARIABLES = {"SLACK_TOKEN": "xoxb-1", "SMTP_PASSWORD": "x", "TICKETS_SECRET": "x"}


@pytest.mark.parametrize(
    ("header", "section"),
    [
        ("key of a sync type", "[syncs.full]"),
        ("key of a pause", "[[pauses]]"),
        ("key of the heartbeat", "[heartbeat]"),
        ("key of the alerts", "[alerts]"),
        ("key of the links", "[links]"),
        ("key of the messages", "[messages]"),
        ("key of the reports", "[messages.reports]"),
        ("key of Slack", "[messages.slack]"),
        ("key of e-mail", "[messages.email]"),
        ("key of a webhook", "[messages.webhook]"),
        ("key of Apprise", "[messages.apprise]"),
    ],
)
def test_each_key_is_documented(header: str, section: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{section}\nx_ = 1")

    with pytest.raises(ConfigFileError) as caught:
        read_config_file(file, dt.UTC)

    known = re.search(r"x_: unknown key; known keys: (.*?)\.$", str(caught.value), re.MULTILINE)
    assert known is not None
    rows = table(PAGE, header)
    if "`name`" in known[1]:
        rows |= table(PAGE, "key of every destination")
    secrets = [key for key, (_, meaning) in rows.items() if meaning.startswith("*(secret)*")]
    spellings = {f"{key}_{source}" for key in secrets for source in ("file", "env")}
    assert set(re.findall(r"`(\w+)`", known[1])) == {*rows, *spellings}


@pytest.mark.parametrize(
    "page",
    [PAGE, DOCS / "how-to" / "expectations.md", DOCS / "how-to" / "several-hosts.md"],
)
def test_each_example_can_be_used(page: Path, tmp_path: Path) -> None:
    examples = blocks(page, "toml")
    for number, text in enumerate(examples):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        read_config_file(file, dt.UTC, VARIABLES)
    assert examples
