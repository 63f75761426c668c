"""An archive in pieces is searched as one that is not, and only where lines may match."""

from __future__ import annotations

import datetime as dt
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs import archive_writing
from canvas_sync_exporter.logs import parts as parts_module
from canvas_sync_exporter.logs.archive import Member, archive_name
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.pieces import Piece, Unpacking, packed_files
from canvas_sync_exporter.logs.search import FoundLine, LineFilter, LogSearch, Order
from canvas_sync_exporter.logs.sidecars import complete_sidecars
from support.log_folders import EPOCH, json_line, record

LINES = 60
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files of errors, a line a minute, five lines of each run, in pieces of 1 kB."""
    monkeypatch.setattr(archive_writing, "PIECE_BYTES", 1000)
    lines = [
        json_line(record(Log.ERRORS, number * 60, task_id=f"run {number // 5}"))
        for number in range(LINES)
    ]
    members = []
    for file, some in ((3, lines[:30]), (2, []), (1, lines[30:])):
        path = tmp_path / f"file.{file}"
        path.write_bytes(b"".join(some))
        members.append(Member(path, f"errors.log.{file}", path.stat().st_size))
    archive = write_archive(
        tmp_path / "archive", archive_name(Log.ERRORS, EPOCH + 60 * MINUTE), members
    )
    files = packed_files(archive)
    assert files is not None
    assert [len(file.pieces) > 5 for file in files] == [True, False, True]
    return archive


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[Piece]:
    """The pieces that were unpacked."""
    pieces: list[Piece] = []

    def noted(fd: int, piece: Piece) -> Unpacking:
        pieces.append(piece)
        return Unpacking(fd, piece)

    monkeypatch.setattr(parts_module, "Unpacking", noted)
    return pieces


def pages(archive: Path, wanted: LineFilter, order: Order, limit: int) -> list[FoundLine]:
    """Search page by page."""
    found: list[FoundLine] = []
    cursor = None
    while True:
        search = LogSearch(
            archive.parent.parent, archive.parent, wanted, limit=limit, order=order, cursor=cursor
        )
        with closing(search):
            found += search
            assert search.notes.problems == []
            cursor = search.cursor
        if cursor is None:
            return found


def in_one_piece(archive: Path) -> None:
    """Write an archive anew, as an older version did."""
    with tarfile.open(archive) as tar:
        tar.extractall(archive.parent, filter="data")
        names = tar.getnames()
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            tar.add(archive.parent / name, name)
            (archive.parent / name).unlink()


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(
    "wanted",
    [
        LineFilter(),
        LineFilter(task_id="run 7"),
        LineFilter(since=EPOCH + 8 * MINUTE, until=EPOCH + 41 * MINUTE),
        LineFilter(until=EPOCH - 100 * MINUTE),
    ],
)
def test_it_gives_the_same_lines_as_an_older_archive(
    archive: Path, order: Order, wanted: LineFilter
) -> None:
    found = [pages(archive, wanted, order, limit) for limit in (1, 7, 1000)]
    complete_sidecars(archive.parent, dt.UTC, seconds=60)
    found += [pages(archive, wanted, order, limit) for limit in (7, 1000)]
    in_one_piece(archive)
    assert packed_files(archive) is None
    expected = pages(archive, wanted, order, 1000)
    assert found == [expected] * 5
    complete_sidecars(archive.parent, dt.UTC, seconds=60)
    assert pages(archive, wanted, order, 7) == expected


def test_the_newest_lines_are_found_without_unpacking_the_others(
    archive: Path, unpacked: list[Piece]
) -> None:
    search = LogSearch(archive.parent.parent, archive.parent, LineFilter(), limit=2)
    with closing(search):
        assert [line.time for line in search] == [EPOCH + 59 * MINUTE, EPOCH + 58 * MINUTE]
    assert len(unpacked) <= 2


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(
    "wanted",
    [
        LineFilter(task_id="run 7"),
        LineFilter(since=EPOCH + 35 * MINUTE, until=EPOCH + 40 * MINUTE),
    ],
)
def test_with_a_sidecar_only_pieces_that_may_match_are_unpacked(
    archive: Path, unpacked: list[Piece], order: Order, wanted: LineFilter
) -> None:
    complete_sidecars(archive.parent, dt.UTC, seconds=60)
    unpacked.clear()
    assert len(pages(archive, wanted, order, 1000)) == 5
    assert 1 <= len(unpacked) <= 4


@pytest.mark.parametrize("order", Order)
def test_all_lines_around_a_damaged_piece_are_found(archive: Path, order: Order) -> None:
    files = packed_files(archive)
    assert files is not None
    content = bytearray(archive.read_bytes())
    content[files[0].pieces[2].at + 60] ^= 0xFF
    archive.write_bytes(content)
    search = LogSearch(archive.parent.parent, archive.parent, LineFilter(), limit=1000, order=order)
    with closing(search):
        assert LINES - 8 < len(list(search)) < LINES
        (problem,) = search.notes.problems
    assert problem.startswith(f"{archive.name} is damaged")


@pytest.mark.parametrize("order", Order)
def test_all_lines_before_the_damage_in_an_older_archive_are_found(
    tmp_path: Path, order: Order
) -> None:
    lines = [
        json_line(record(Log.ERRORS, number, task_id=f"{number**9}")) for number in range(20_000)
    ]
    (tmp_path / "file").write_bytes(b"".join(lines))
    archive = tmp_path / "archive" / f"{archive_name(Log.ERRORS, EPOCH + 1000 * MINUTE)}.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(tmp_path / "file", "errors.log.1")
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size * 9 // 10])
    wanted = LineFilter(until=EPOCH + MINUTE)
    search = LogSearch(tmp_path, archive.parent, wanted, limit=1000, order=order)
    with closing(search):
        assert len(list(search)) == 60
        assert len(search.notes.problems) == 1
