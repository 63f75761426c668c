"""Where lines are found, while files move."""

from __future__ import annotations

import io
import itertools
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from canvas_sync_core.logs.rotation import log_file
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import ArchiveDamagedError, Member
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.parts import parts
from canvas_sync_exporter.logs.sources import LogFolderError, LogSource, sources


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def content_of(source: LogSource) -> list[tuple[str, bytes]]:
    found = []
    for part in parts(source):
        buffer = memoryview(bytearray(100))
        length = part.stream.readinto(buffer[: min(100, part.size)])
        found.append((part.name, bytes(buffer[:length])))
    return found


def everything(folder: Path) -> list[tuple[str, bytes]]:
    return [each for source in sources(folder, folder / "archive") for each in content_of(source)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log in every state that a line goes through."""
    archived = [
        Member(write(tmp_path / "x" / name, name), name, len(name))
        for name in ("errors.log.2", "errors.log.1")
    ]
    write_archive(tmp_path / "archive", "errors-20251201T020000Z", archived)
    claim = tmp_path / "archiving" / "errors-20251202T020000Z"
    write(claim / "errors.log.1@5", "older, and this came late")
    write(claim / "errors.log@4", "taken, and this stayed")
    write(tmp_path / "errors.log.2", "backup 2")
    write(tmp_path / "errors.log.1", "backup 1")
    write(tmp_path / "errors.log", "live")
    write(tmp_path / "progress.log", "progress")
    write(tmp_path / "notes.txt", "none of ours")
    return tmp_path


def test_all_places_are_listed_oldest_first(folder: Path) -> None:
    assert everything(folder) == [
        ("errors-20251201T020000Z.tar.gz/errors.log.2", b"errors.log.2"),
        ("errors-20251201T020000Z.tar.gz/errors.log.1", b"errors.log.1"),
        ("errors.log.1", b"older"),
        ("errors.log", b"take"),
        ("errors.log.2", b"backup 2"),
        ("errors.log.1", b"backup 1"),
        ("errors.log", b"live"),
        ("progress.log", b"progress"),
    ]
    found = sources(folder, folder / "archive")
    assert [source.is_live for source in found] == [False] * 5 + [True, True]
    assert [source.is_archive for source in found] == [True] + [False] * 6


def test_a_file_that_was_rotated_since_is_read_under_its_new_name(folder: Path) -> None:
    (live,) = (each for each in sources(folder, folder) if each.log is Log.PROGRESS)
    live.path.rename(folder / "progress.log.1")
    write(folder / "progress.log", "of later")
    assert content_of(live) == [("progress.log", b"progress")]
    claim = folder / "archiving" / "progress-20251203T020000Z"
    claim.mkdir()
    (folder / "progress.log.1").rename(claim / "progress.log.1@8")
    assert content_of(live) == [("progress.log", b"progress")]


@pytest.mark.parametrize("after", range(9))
def test_a_first_rotation_at_any_moment_of_the_listing_hides_no_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Before, between and after the looks that the listing takes at the folder and the log."""
    live = folder / "progress.log"
    looks = 0

    def look(then: Callable[..., Any]) -> Callable[..., Any]:
        def looked(path: Path, *args: Any, **options: Any) -> Any:
            nonlocal looks
            try:
                return then(path, *args, **options)
            finally:
                if Path(path) in (live, folder):
                    looks += 1
                    if looks == after:
                        live.rename(folder / "progress.log.1")

        return looked

    if after == 0:
        live.rename(folder / "progress.log.1")
    monkeypatch.setattr(os, "scandir", look(os.scandir))
    monkeypatch.setattr(Path, "stat", look(Path.stat))
    only_progress = [each for each in everything(folder) if each[1] == b"progress"]
    assert len(only_progress) == 1
    assert looks >= after


def rotations(live: Path) -> Iterator[None]:
    """Rotate the log forever, one renaming or writing at a time; line 4 is the next one."""
    for line in itertools.count(4):
        numbers = itertools.count(1)
        free = next(n for n in numbers if not os.path.lexists(log_file(live, n)))
        for number in range(free, 0, -1):
            os.rename(log_file(live, number - 1), log_file(live, number))  # noqa: PTH104
            yield
        live.write_text(f"{line:02}")
        yield


@settings(max_examples=300, deadline=None)
@example(before=0, moves=[0, 0, 0, 0, 1, 1])  # to a name that was free when names were listed
@given(before=st.integers(0, 12), moves=st.lists(st.integers(0, 12), max_size=12))
def test_rotations_between_any_looks_at_files_leave_them_in_order(
    before: int, moves: list[int]
) -> None:
    """A number of moves before the listing, in the midst of a rotation too, and at each look."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        live = write(Path(name) / "progress.log", "03")
        write(log_file(live, 1), "02")
        write(log_file(live, 2), "01")
        rotating, left = rotations(live), iter(moves)

        def look(then: Callable[..., Any]) -> Callable[..., Any]:
            def looked(path: Path, *args: Any, **options: Any) -> Any:
                found = then(path, *args, **options)
                for _ in range(next(left, 0)):
                    next(rotating)
                return found

            return looked

        for _ in range(before):
            next(rotating)
        there = {file.read_bytes() for file in live.parent.iterdir()}
        patch.setattr(os, "scandir", look(os.scandir))
        patch.setattr(Path, "stat", look(Path.stat))
        found = [content for _, content in everything(Path(name))]
    assert found == sorted(found)
    assert there <= set(found)


def test_a_file_that_is_gone_is_reported_by_name(folder: Path) -> None:
    (live,) = (each for each in sources(folder, folder) if each.log is Log.PROGRESS)
    live.path.unlink()
    with pytest.raises(FileNotFoundError, match=r"progress\.log"):
        content_of(live)


def test_a_live_file_with_a_second_name_in_a_claim_is_read_once(folder: Path) -> None:
    claim = folder / "archiving" / "progress-20251203T020000Z"
    claim.mkdir()
    (claim / "progress.log@3").hardlink_to(folder / "progress.log")
    assert [each for each in everything(folder) if "progress" in each[0]] == [
        ("progress.log", b"progress")
    ]


def test_a_claim_whose_archive_is_written_already_is_read_once(folder: Path) -> None:
    claim = folder / "archiving" / "errors-20251201T020000Z"
    write(claim / "errors.log.2@12", "errors.log.2")
    assert [each for each in everything(folder) if each[1] == b"errors.log.2"] == [
        ("errors-20251201T020000Z.tar.gz/errors.log.2", b"errors.log.2")
    ]


def test_a_missing_archive_folder_is_no_error_and_a_missing_log_folder_is(tmp_path: Path) -> None:
    assert sources(tmp_path, tmp_path / "nothing") == []
    with pytest.raises(LogFolderError, match="nothing: No such file"):
        sources(tmp_path / "nothing", tmp_path)
    file = write(tmp_path / "file", "")
    with pytest.raises(LogFolderError, match="file: Not a directory"):
        sources(file, tmp_path)


@pytest.mark.parametrize("keep", [0, 10, 60, 100])
def test_a_damaged_archive_is_reported_as_such(folder: Path, keep: int) -> None:
    archive = folder / "archive" / "errors-20251201T020000Z.tar.gz"
    archive.write_bytes(archive.read_bytes()[:keep])
    source = next(each for each in sources(folder, folder / "archive") if each.is_archive)
    with pytest.raises(ArchiveDamagedError, match=r"errors-20251201T020000Z\.tar\.gz"):
        content_of(source)


@pytest.mark.parametrize("name", ["./errors.log.1", ".//./errors.log", "errors.log.2"])
def test_an_archive_that_was_packed_by_hand_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "archive").mkdir()
    with tarfile.open(tmp_path / "archive" / "errors-20251201T020000Z.tar.gz", "w:gz") as tar:
        folder, entry = tarfile.TarInfo("./"), tarfile.TarInfo(name)
        folder.type, entry.size = tarfile.DIRTYPE, 3
        entry.pax_headers = {"mtime": "1764554400.5"}
        tar.addfile(folder)
        tar.addfile(entry, io.BytesIO(b"abc"))
    (source,) = sources(tmp_path, tmp_path / "archive")
    assert [content for _, content in content_of(source)] == [b"abc"]


@pytest.mark.parametrize(
    "name", ["../errors.log", "/etc/passwd", "errors.log/../../x", "api_calls.log", "link"]
)
def test_an_entry_that_does_not_belong_in_an_archive_is_rejected(tmp_path: Path, name: str) -> None:
    (tmp_path / "archive").mkdir()
    with tarfile.open(tmp_path / "archive" / "errors-20251201T020000Z.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        if name == "link":
            entry.name, entry.type, entry.linkname = "errors.log.1", tarfile.SYMTYPE, "/etc/passwd"
        entry.size = 0 if name == "link" else 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    (source,) = sources(tmp_path, tmp_path / "archive")
    with pytest.raises(ArchiveDamagedError, match="which is not a log"):
        content_of(source)


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
)
def test_an_entry_that_would_be_read_into_memory_is_refused(tmp_path: Path, kind: bytes) -> None:
    (tmp_path / "archive").mkdir()
    size = 50 * 1024 * 1024
    with tarfile.open(tmp_path / "archive" / "errors-20251201T020000Z.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("errors.log.1")
        entry.type, entry.size = kind, size
        assert tar.fileobj is not None
        tar.fileobj.write(entry.tobuf(tarfile.USTAR_FORMAT))
        tar.fileobj.write(bytes(size))
    (source,) = sources(tmp_path, tmp_path / "archive")
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveDamagedError, match="not a plain file"):
            content_of(source)
        assert tracemalloc.get_traced_memory()[1] < size / 10
    finally:
        tracemalloc.stop()


def test_a_file_with_a_long_name_or_other_attributes_is_read(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "errors-20251201T020000Z.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("errors.log.1")
        entry.size, entry.pax_headers = 3, {"comment": "x" * 1000}
        tar.addfile(entry, io.BytesIO(b"abc"))
    (source,) = sources(tmp_path, tmp_path / "archive")
    assert content_of(source) == [(f"{path.name}/errors.log.1", b"abc")]
