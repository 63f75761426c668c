"""Lines of a file that was moved, removed or archived are written again, and only those."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.writer import LogFileWriter
from support.log_processes import line_of, lines_left, make_writer, page_of, rotate_once
from support.log_writers import Race, archive


def rotate_times(folder: Path, times: int, backups: int) -> Callable[[], None]:
    """Return an action that rotates several times, with a line in each file."""

    def act() -> None:
        for _ in range(times):
            (folder / "x.log").touch()
            rotate_once(folder, backups)

    return act


def test_a_line_that_went_to_a_removed_file_is_written_again(
    tmp_path: Path, writer: LogFileWriter, race: Race
) -> None:
    writer.append(line_of("a", 0))
    race.before_write(rotate_times(tmp_path, times=4, backups=2))
    writer.append(line_of("a", 1))
    assert lines_left(tmp_path) == Counter([line_of("a", 1)])
    assert (tmp_path / "x.log").read_bytes() == line_of("a", 1)


@pytest.mark.parametrize("moment", ["before_write", "after_write"])
def test_a_line_that_went_to_a_backup_is_not_written_again(
    tmp_path: Path, writer: LogFileWriter, race: Race, moment: str
) -> None:
    writer.append(line_of("a", 0))
    getattr(race, moment)(rotate_times(tmp_path, times=2, backups=5))
    writer.append(line_of("a", 1))
    writer.append(line_of("a", 2))
    assert lines_left(tmp_path) == Counter(line_of("a", number) for number in range(3))
    assert (tmp_path / "x.log").read_bytes() == line_of("a", 2)


@pytest.mark.parametrize(("moment", "again"), [("before_write", True), ("after_write", False)])
def test_a_line_of_an_archived_file_is_written_again_only_if_it_came_after_the_claim(
    tmp_path: Path, writer: LogFileWriter, race: Race, moment: str, again: bool
) -> None:
    def archive() -> None:
        rotate_once(tmp_path)
        backup = tmp_path / "x.log.1"
        page = page_of(tmp_path)
        with page.locked(1) as held:
            assert held
            page.next_generation()
            found = backup.stat()
            page.add_tombstone((found.st_dev, found.st_ino), found.st_size)
            backup.unlink()

    writer.append(line_of("a", 0))
    getattr(race, moment)(archive)
    writer.append(line_of("a", 1))
    assert lines_left(tmp_path) == Counter([line_of("a", 1)] if again else [])


def test_a_cleanup_while_the_writer_looks_for_its_log_duplicates_no_line(
    tmp_path: Path, writer: LogFileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = ControlPage.is_at

    def look_before_a_cleanup(page: ControlPage, generation: int) -> bool:
        monkeypatch.undo()
        is_there = look(page, generation)
        archive(tmp_path)
        return is_there

    writer.append(line_of("a", 0))
    monkeypatch.setattr(ControlPage, "is_at", look_before_a_cleanup)
    assert writer.flush(600)
    writer.append(line_of("a", 1))
    assert writer.flush(600)
    assert lines_left(tmp_path) == Counter([line_of("a", 1)])


def test_a_claim_that_a_killed_cleanup_never_carried_out_duplicates_no_line(
    tmp_path: Path, writer: LogFileWriter, race: Race
) -> None:
    """The file was claimed up to a length, but is part of the log still."""

    def claim() -> None:
        page = page_of(tmp_path)
        page.next_generation()
        found = (tmp_path / "x.log").stat()
        page.add_tombstone((found.st_dev, found.st_ino), found.st_size)

    writer.append(line_of("a", 0))
    race.before_write(claim)
    writer.append(line_of("a", 1))
    assert lines_left(tmp_path) == Counter([line_of("a", 0), line_of("a", 1)])


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1_000])
def test_lines_that_went_to_a_removed_log_are_written_again_in_order(
    tmp_path: Path, writer: LogFileWriter, count: int
) -> None:
    """However many there are, also one longer than most, and a removal in the midst of them."""
    writer.append(line_of("a", 0))
    assert writer.flush(600)
    for number in range(1, count):
        if number == count // 2:
            (tmp_path / "x.log").unlink()
        writer.append(line_of("a", number))
    (tmp_path / "x.log").unlink(missing_ok=True)
    writer.append(b"x" * 100_000 + b"\n")
    writer.append(b"last\n")
    assert writer.flush(600)
    lines = (tmp_path / "x.log").read_bytes().splitlines()
    numbers = [int(line.split(b":")[1]) for line in lines[:-2]]
    assert numbers == list(range(count - len(numbers), count))
    assert (len(lines[-2]), lines[-1]) == (100_000, b"last")


@pytest.mark.parametrize("removed", ["log", "logs", "control page"])
def test_no_line_is_lost_when_the_log_is_removed_and_that_is_reported_once(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    removed: str,
) -> None:
    folder = tmp_path / "logs"
    writer = make_writer(folder)
    writer.append(line_of("a", 0))
    if removed == "log":
        (folder / "x.log").unlink()
    elif removed == "logs":
        shutil.rmtree(folder)
    else:
        (folder / "control" / "x.log.control").unlink()
        now = time.monotonic() + 10
        monkeypatch.setattr("canvas_sync_core.logs.writer.monotonic", lambda: now)
    for number in range(1, 100):
        writer.append(line_of("a", number))
    assert writer.flush(600)
    left = lines_left(folder)
    left.pop(line_of("a", 0), None)  # written just before; it may be written again
    assert left == Counter(line_of("a", number) for number in range(1, 100))
    assert ["removed or moved" in message for message in caplog.messages] == [True]
    writer.close(0)
