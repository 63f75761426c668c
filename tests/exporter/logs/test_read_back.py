"""An archive is compared with what was written into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_exporter.logs.archive import ArchiveDamagedError, Member
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.parts import LogPart
from canvas_sync_exporter.logs.read_back import read_back

LINES = b"first\n" * 1000


@pytest.fixture
def member(tmp_path: Path) -> Member:
    path = tmp_path / "errors.log.1"
    path.write_bytes(LINES)
    return Member(path, path.name, len(LINES))


@pytest.fixture
def archive(tmp_path: Path, member: Member) -> Path:
    return write_archive(tmp_path / "archive", "errors-20251222T020000Z", [member])


def test_a_reader_is_given_what_is_compared(archive: Path, member: Member) -> None:
    read: list[bytes] = []

    def reader(part: LogPart) -> None:
        buffer = memoryview(bytearray(100))
        while count := part.stream.readinto(buffer):
            read.append(bytes(buffer[:count]))

    read_back(archive, [member], reader)
    assert b"".join(read) == LINES


@pytest.mark.parametrize("place", [0, 3000, len(LINES) - 1])
def test_one_different_byte_is_found(archive: Path, member: Member, place: int) -> None:
    changed = bytearray(LINES)
    changed[place] ^= 1
    member.path.write_bytes(changed)
    with pytest.raises(
        ArchiveDamagedError, match=r"errors\.log\.1 in it differs from the original"
    ):
        read_back(archive, [member])


def test_a_shorter_original_is_different(archive: Path, member: Member) -> None:
    member.path.write_bytes(LINES[:-1])
    with pytest.raises(
        ArchiveDamagedError, match=r"errors\.log\.1 in it differs from the original"
    ):
        read_back(archive, [member])


@pytest.mark.parametrize("length", [len(LINES) - 1, len(LINES) + 1])
def test_another_length_is_found(archive: Path, member: Member, length: int) -> None:
    with pytest.raises(ArchiveDamagedError, match=r"errors\.log\.1 in it has a different length"):
        read_back(archive, [Member(member.path, member.name, length)])


def test_a_reader_that_ends_early_has_not_compared_it(archive: Path, member: Member) -> None:
    with pytest.raises(ArchiveDamagedError, match="a different length"):
        read_back(archive, [member], lambda _part: None)


def test_a_missing_member_is_named_and_an_extra_one_is_ignored(
    archive: Path, member: Member
) -> None:
    read_back(archive, [])
    other = Member(member.path, "errors.log.2", member.length)
    with pytest.raises(ArchiveDamagedError, match=r"read back: errors\.log\.2 is not in it"):
        read_back(archive, [member, other])
