"""Reading a file that is being written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from canvas_sync_exporter.config_file.document import read_document
from canvas_sync_exporter.config_file.problems import ConfigFileError


class Writer:
    """Writes the next part of a file whenever the reader waits."""

    def __init__(self, path: Path, *parts: str) -> None:
        self._path = path
        self._parts = list(parts)
        self.pauses = 0

    def __call__(self, _seconds: float) -> None:
        self.pauses += 1
        if self._parts:
            with self._path.open("a") as file:
                file.write(self._parts.pop(0))


def test_a_file_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[a]\n")

    document = read_document(path, Writer(path, "b = 1\n", "c = 2\n"))

    assert document.data == {"a": {"b": 1, "c": 2}}


def test_a_file_that_is_emptied_first_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch()

    assert read_document(path, Writer(path, "", "a = 1\n")).data == {"a": 1}


def test_a_file_that_is_empty_for_long_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch()

    assert read_document(path, Writer(path)).data == {}


def test_a_file_that_was_written_long_ago_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n")
    os.utime(path, (0, 0))
    writer = Writer(path)

    assert read_document(path, writer).data == {"a": 1}
    assert writer.pauses == 0


def test_a_file_that_keeps_changing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n")

    with pytest.raises(ConfigFileError, match="it keeps changing"):
        read_document(path, Writer(path, *("# more\n" for _ in range(100))))
