"""Files are known by what they are, not by their names."""

from __future__ import annotations

import os
from pathlib import Path

from canvas_sync_core.files.identity import identity_of, is_in_place


def test_an_identity_is_the_file_not_its_name(tmp_path: Path) -> None:
    file = tmp_path / "a"
    assert identity_of(file) is None
    file.touch()
    before = identity_of(file)
    file.rename(tmp_path / "b")
    assert identity_of(tmp_path / "b") == before
    fd = os.open(tmp_path / "b", os.O_RDONLY)
    assert identity_of(fd) == before
    os.close(fd)


def test_an_open_file_is_in_place_until_its_name_leads_elsewhere(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    fd = os.open(file, os.O_RDWR | os.O_CREAT)
    assert is_in_place(file, fd)
    file.rename(other)
    assert not is_in_place(file, fd)
    file.touch()
    assert not is_in_place(file, fd)
    other.replace(file)
    assert is_in_place(file, fd)
    os.close(fd)
