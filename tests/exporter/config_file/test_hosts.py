"""Where the exporter of each host is: what the section may say, and each mistake."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from canvas_sync_exporter.config_file.config_file import (
    ConfigFile,
    changed_sections,
    read_config_file,
)
from canvas_sync_exporter.config_file.problems import ConfigFileError


def read(folder: Path, text: str) -> ConfigFile:
    path = folder / "config.toml"
    path.write_text(f"[hosts]\n{text}", encoding="utf-8")
    return read_config_file(path, UTC, {})


def test_each_host_has_the_url_of_its_exporter(tmp_path: Path) -> None:
    file = read(
        tmp_path, 'sync-1 = "http://sync-1:5000/"\n"sync-2.example.edu" = "https://x.edu/b"'
    )
    assert file.hosts == {"sync-1": "http://sync-1:5000", "sync-2.example.edu": "https://x.edu/b"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('sync-1 = "sync-1:5000"', "hosts.sync-1: 'sync-1:5000' cannot be used: write a URL"),
        ('sync-1 = "https://sync-1/?a"', "write a URL without a password, `?` and `#`"),
        ('sync-2.example.edu = "https://x.edu"', "hosts.sync-2: it is a table; write a text"),
        ('sync-2.example.edu = "https://x.edu"', "quote a host name with dots"),
    ],
)
def test_each_mistake_is_named_with_its_line(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        read(tmp_path, text)
    assert mistake in str(caught.value)
    assert ", line 2: " in str(caught.value)


def test_a_change_of_the_section_is_named(tmp_path: Path) -> None:
    before, after = read(tmp_path, ""), read(tmp_path, 'sync-1 = "https://sync-1.example.edu"')
    assert changed_sections(before, after) == ["[hosts]"]
