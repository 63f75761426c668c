"""Files that are unpacked from their beginning give what was put into them, or an error."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from canvas_sync_exporter.logs.archive import ArchiveDamagedError
from canvas_sync_exporter.logs.parts import LogPart
from canvas_sync_exporter.logs.streamed_parts import tar_parts

FILES = {"errors.log.2": b"old\n" * 1000, "errors.log.1": b"new\n"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "errors.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def content_of(part: LogPart) -> bytes:
    content = memoryview(bytearray(part.size))
    read = 0
    while count := part.stream.readinto(content[read:]):
        read += count
    return bytes(content[:read])


def test_each_file_is_read_to_its_end_or_skipped(archive: Path) -> None:
    assert {part.name: content_of(part) for part in tar_parts(archive)} == FILES
    assert [part.name for part in tar_parts(archive)] == [*FILES]


def test_a_wrong_checksum_is_noticed_though_nothing_is_read(archive: Path) -> None:
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-8] + bytes(8))
    with pytest.raises(ArchiveDamagedError, match=r"errors\.tar\.gz is damaged"):
        list(tar_parts(archive))
