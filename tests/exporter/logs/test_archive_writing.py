"""Archives hold what was put into them, in pieces that can be read each on its own."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from isal.igzip_lib import IsalError

from canvas_sync_exporter.logs import archive_writing
from canvas_sync_exporter.logs.archive import ArchiveDamagedError, Member, archives
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.parts import parts
from canvas_sync_exporter.logs.pieces import Unpacking, packed_files
from canvas_sync_exporter.logs.read_back import ReadPart, read_back
from canvas_sync_exporter.logs.sources import archive_source
from support.log_processes import line_of

NAME = "errors-20251222T020000Z"
PIECE = 100
DAMAGE: tuple[type[Exception], ...] = (IsalError, EOFError)  # type: ignore[assignment]  # isal's stub calls it a value


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, because each archive is synced."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pieces so small that a few lines fill them."""
    monkeypatch.setattr(archive_writing, "PIECE_BYTES", PIECE)


def archive_of(folder: Path, contents: list[bytes]) -> Path:
    """Archive files; each has grown by a line since its length was looked up."""
    shutil.rmtree(folder / "archive", ignore_errors=True)
    members = []
    for number, content in enumerate(contents, 1):
        path = folder / f"errors.log.{number}"
        path.write_bytes(content + b"too late\n")
        members.append(Member(path, path.name, len(content)))
    return write_archive(folder / "archive", NAME, members)


def in_tar(archive: Path) -> list[bytes]:
    """Read the files in an archive with the standard library."""
    with tarfile.open(archive, "r:gz") as tar:
        return [tar.extractfile(entry).read() for entry in tar]  # type: ignore[union-attr]


def in_parts(archive: Path) -> list[bytes]:
    """Read the files in an archive as search and analysis do."""
    contents = []
    for part in parts(archive_source(archives(archive.parent)[0])):
        content = bytearray(part.size)
        read = 0
        while size := part.stream.readinto(memoryview(content)[read : read + 50]):
            read += size
        contents.append(bytes(content[:read]))
    return contents


def in_pieces(archive: Path) -> list[list[bytes]] | None:
    """Read the pieces of the files in an archive, each on its own."""
    files = packed_files(archive)
    if files is None:
        return None
    with archive.open("rb") as raw:
        fd = raw.fileno()
        return [[Unpacking(fd, each).read(each.size) for each in file.pieces] for file in files]


FILES = st.lists(
    st.lists(st.binary(max_size=PIECE + 10).map(lambda raw: raw + b"\n"), max_size=8).map(b"".join)
    | st.binary(max_size=3 * PIECE),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(contents=FILES)
@example(contents=[b"", b"\n", b"x" * PIECE, b"x\n" * 300])
@example(contents=[b"x" * 512, b"y" * (2 * PIECE) + b"\nlast\n"])
def test_any_files_come_back_byte_for_byte(contents: list[bytes]) -> None:
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(archive_writing, "PIECE_BYTES", PIECE)
            archive = archive_of(Path(name), contents)
        assert in_tar(archive) == in_parts(archive) == contents
        found = in_pieces(archive)
    if found is None:  # a line fills a piece, so reading may not start behind it
        assert any(len(line) >= PIECE for each in contents for line in each.split(b"\n"))
        return
    assert list(map(b"".join, found)) == contents
    for pieces in found:
        assert all(piece.endswith(b"\n") for piece in pieces[:-1])


def test_gzip_and_tar_read_an_archive(memory: Path) -> None:
    content = b"".join(line_of("a", number) for number in range(10))
    archive = archive_of(memory, [content, b""])
    listed = subprocess.run(["tar", "tzf", str(archive)], capture_output=True, check=True)
    assert listed.stdout == b"errors.log.1\nerrors.log.2\n"
    subprocess.run(["gzip", "-t", str(archive)], check=True)
    files = packed_files(archive)
    assert files is not None
    assert [len(file.pieces) for file in files] == [10, 0]
    whole = archive.read_bytes()
    third = files[0].pieces[2]
    assert gzip.decompress(whole[third.at : third.at + third.length]) == line_of("a", 2)


def test_an_archive_of_an_older_version_is_read_from_its_beginning(memory: Path) -> None:
    contents = [line_of("a", 1) * 5, line_of("a", 2)]
    archive_of(memory, contents)
    archive = memory / "archive" / f"{NAME}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for number, content in enumerate(contents, 1):
            (memory / f"errors.log.{number}").write_bytes(content)
            tar.add(memory / f"errors.log.{number}", f"errors.log.{number}")
    assert packed_files(archive) is None
    assert in_parts(archive) == contents
    members = [
        Member(memory / f"errors.log.{number}", f"errors.log.{number}", len(content))
        for number, content in enumerate(contents, 1)
    ]
    assert write_archive(memory / "archive", NAME, members) == archive, "it is read back and kept"


def test_each_changed_byte_is_reported_or_changes_nothing(memory: Path) -> None:
    contents = [line_of("a", number) * 2 for number in range(2)]
    archive = archive_of(memory, contents)
    whole = archive.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        archive.write_bytes(changed)
        try:
            assert in_parts(archive) == contents
        except ArchiveDamagedError:
            with pytest.raises((*DAMAGE, AssertionError)):
                assert list(map(b"".join, in_pieces(archive) or [])) == contents


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_archive_is_not_read_in_pieces(memory: Path, share: float) -> None:
    archive = archive_of(memory, [line_of("a", 1) * 5])
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * share)])
    assert packed_files(archive) is None
    with pytest.raises(ArchiveDamagedError):
        in_parts(archive)


def test_a_file_that_was_truncated_meanwhile_is_an_error(memory: Path) -> None:
    path = memory / "errors.log.1"
    path.write_bytes(b"short\n")
    with pytest.raises(OSError, match=r"errors\.log\.1 was truncated"):
        write_archive(memory / "archive", NAME, [Member(path, path.name, 7)])
    assert list((memory / "archive").iterdir()) == []


def test_an_archive_that_reads_back_differently_is_refused(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changes between writing and reading back, as a bad disk would make it seem."""
    log = memory / "errors.log.1"
    log.write_bytes(b"as it was\n")

    def spoil(path: Path, members: list[Member], read: ReadPart) -> None:
        log.write_bytes(b"otherwise\n")
        read_back(path, members, read)

    monkeypatch.setattr(archive_writing, "read_back", spoil)
    with pytest.raises(
        ArchiveDamagedError, match=r"errors\.log\.1 in it differs from the original"
    ):
        write_archive(memory / "archive", "errors-x", [Member(log, log.name, 10)])
    assert list((memory / "archive").glob("*.tar.gz")) == []


@pytest.mark.parametrize("place", [-5, -1])
def test_an_archive_is_read_back_to_its_checksum(
    memory: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    log = memory / "errors.log.1"
    log.write_bytes(b"as it was\n")

    def spoil(path: Path, members: list[Member], read: ReadPart) -> None:
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
        read_back(path, members, read)

    monkeypatch.setattr(archive_writing, "read_back", spoil)
    with pytest.raises(ArchiveDamagedError, match="does not read back"):
        write_archive(memory / "archive", "errors-x", [Member(log, log.name, 10)])
