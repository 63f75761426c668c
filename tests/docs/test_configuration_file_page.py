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


@pytest.mark.parametrize(
    ("header", "section"),
    [
        ("key of a sync type", "[syncs.full]"),
        ("key of a pause", "[[pauses]]"),
        ("key of the heartbeat", "[heartbeat]"),
        ("key of the reports", "[messages.reports]"),
    ],
)
def test_each_key_is_documented(header: str, section: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{section}\nx_ = 1")

    with pytest.raises(ConfigFileError) as caught:
        read_config_file(file, dt.UTC)

    known = re.search(r"x_: unknown key; known keys: (.*?)\.$", str(caught.value), re.MULTILINE)
    assert known is not None
    assert set(re.findall(r"`(\w+)`", known[1])) == set(table(PAGE, header))


@pytest.mark.parametrize("page", [PAGE, DOCS / "how-to" / "expectations.md"])
def test_each_example_can_be_used(page: Path, tmp_path: Path) -> None:
    examples = blocks(page, "toml")
    for number, text in enumerate(examples):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        read_config_file(file, dt.UTC)
    assert examples
