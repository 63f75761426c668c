"""Files that settings name are read only when that cannot hang."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.files.regular_file import MAX_BYTES, read_regular_file
from canvas_sync_core.settings import Settings, read
from support.irregular_files import IRREGULAR_FILES


def test_a_regular_file_is_read_with_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("größe\n" * 1000, encoding="utf-8")
    file.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(file)
    for path in (file, link):
        assert read_regular_file(path).text == "größe\n" * 1000
        assert read_regular_file(path).permissions == 0o640


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("7~secret\n", encoding="utf-8-sig")
    assert read_regular_file(file).text == "7~secret\n"


def test_a_file_of_just_the_allowed_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * MAX_BYTES)
    assert len(read_regular_file(file).text) == MAX_BYTES
    file.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(ValueError, match="larger"):
        read_regular_file(file)


@pytest.mark.parametrize("kind", IRREGULAR_FILES)
def test_a_secret_in_anything_else_is_refused_at_once_with_the_reason(
    tmp_path: Path, kind: str
) -> None:
    make, complaint = IRREGULAR_FILES[kind]
    file = tmp_path / "secret"
    make(file)
    with pytest.raises(SettingsError, match=rf"CANVAS_SYNC_DATABASE_URL_FILE .*{complaint}"):
        read(Settings, {"CANVAS_SYNC_DATABASE_URL_FILE": str(file)})


def test_an_empty_secret_is_refused_rather_than_replaced_by_the_default(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(SettingsError, match="it is empty"):
        read(Settings, {"CANVAS_SYNC_DATABASE_URL_FILE": str(tmp_path / "secret")})


def test_a_pipe_that_a_shell_made_is_refused_by_its_kind() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(ValueError, match=re.escape("it is a FIFO")):
            read_regular_file(Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)
        os.close(writer)
