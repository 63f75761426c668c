"""The writer by itself: races made to happen, disks that fill up, files that vanish."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import pytest

from canvas_sync_core.logs import patience as patience_module
from canvas_sync_core.logs.rotation import log_files
from canvas_sync_core.logs.writer import LogFileWriter
from support.log_processes import (
    fork_while_a_thread_writes,
    line_of,
    lines_left,
    make_writer,
    page_of,
    rotate_once,
    spawn,
)
from support.log_writers import Race
from support.small_disk import SmallDisk, small_disk
from support.waiting import wait_until

__all__ = ["small_disk"]


@pytest.mark.parametrize("moment", ["before_write", "after_write"])
def test_a_line_waits_while_the_process_that_moves_its_file_is_stopped(
    tmp_path: Path,
    writer: LogFileWriter,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Later lines wait behind it, and it is written again only if it came after the claim."""
    monkeypatch.setattr(patience_module, "_MOST_SECONDS", 0)
    page = page_of(tmp_path)
    with ExitStack() as stopped:

        def archive() -> None:
            assert stopped.enter_context(page.locked(1))
            page.next_generation()
            found = (tmp_path / "x.log").stat()
            page.add_tombstone((found.st_dev, found.st_ino), found.st_size)
            (tmp_path / "x.log").unlink()

        writer.append(line_of("a", 0))
        getattr(race, moment)(archive)
        writer.append(line_of("a", 1))
        writer.append(line_of("a", 2))
        assert writer.pending == 2
    assert writer.flush(600)
    expected = [1, 2] if moment == "before_write" else [2]
    assert lines_left(tmp_path) == Counter(line_of("a", number) for number in expected)


def test_threads_neither_lose_nor_duplicate_lines(tmp_path: Path) -> None:
    writer = make_writer(tmp_path, max_bytes=64 * 1024)
    start = threading.Barrier(4)

    def write(name: str) -> None:
        start.wait()
        for number in range(5_000):
            writer.append(line_of(name, number))

    threads = [threading.Thread(target=write, args=(f"thread{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close(0)
    assert lines_left(tmp_path) == Counter(
        line_of(f"thread{index}", number) for index in range(4) for number in range(5_000)
    )


def test_the_log_is_rotated_when_it_reaches_its_size_and_the_oldest_backup_goes(
    tmp_path: Path,
) -> None:
    writer = make_writer(tmp_path, max_bytes=10 * len(line_of("a", 100)), backups=3)
    for number in range(100, 200):
        writer.append(line_of("a", number))
    writer.close(0)
    names = [file.name for file in log_files(tmp_path / "x.log")]
    assert names == ["x.log.1", "x.log.2", "x.log.3"]
    assert set(lines_left(tmp_path)) == {line_of("a", number) for number in range(170, 200)}


def test_nothing_is_rotated_with_max_bytes_0(tmp_path: Path) -> None:
    writer = make_writer(tmp_path, max_bytes=0)
    for number in range(100):
        writer.append(line_of("a", number))
    writer.close(0)
    assert log_files(tmp_path / "x.log") == [tmp_path / "x.log"]


def test_no_backups_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="backups"):
        make_writer(tmp_path, backups=0)


def test_a_rotation_in_progress_in_another_process_does_not_hold_up_the_writer(
    tmp_path: Path,
) -> None:
    writer = make_writer(tmp_path, max_bytes=1_000)
    with page_of(tmp_path).locked(1) as held:
        assert held
        for number in range(100):
            writer.append(line_of("a", number))
    assert lines_left(tmp_path).total() == 100
    assert log_files(tmp_path / "x.log") == [tmp_path / "x.log"]


@pytest.mark.parametrize("what", ["log", "moved log", "control page", "folder"])
def test_what_an_operator_removed_is_recreated(
    tmp_path: Path, writer: LogFileWriter, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The writer looks once a second; the test moves its clock instead of waiting."""
    writer.append(line_of("a", 0))
    log, page = tmp_path / "x.log", tmp_path / "control" / "x.log.control"
    if what == "moved log":
        log.rename(tmp_path / "saved")
    if what in {"log", "folder"}:
        log.unlink()
    if what in {"control page", "folder"}:
        page.unlink()
    if what == "folder":
        page.parent.rmdir()
    now = os.times().elapsed + 10**6
    monkeypatch.setattr("canvas_sync_core.logs.writer.monotonic", lambda: now)
    writer.append(line_of("a", 1))
    assert lines_left(tmp_path)[line_of("a", 1)] == 1
    rotate_once(tmp_path)
    writer.append(line_of("a", 2))
    assert log.read_bytes() == line_of("a", 2)


def test_a_log_folder_that_was_moved_away_is_recreated_and_its_files_go_on_in_one_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    writer = make_writer(folder)
    writer.append(line_of("a", 0))
    folder.rename(tmp_path / "old")
    numbers = itertools.count(1)

    def is_recreated() -> bool:
        writer.append(line_of("a", next(numbers)))
        return folder.exists()

    wait_until(is_recreated, "a new log")
    written = lines_left(tmp_path / "old") + lines_left(folder)
    assert written == Counter(line_of("a", number) for number in range(next(numbers)))
    assert ["removed or moved" in message for message in caplog.messages] == [True]
    writer.close(0)


def test_an_app_that_changes_its_folder_goes_on_in_the_same_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    writer = make_writer(Path("logs"))
    writer.append(line_of("a", 0))
    monkeypatch.chdir("elsewhere")
    now = time.monotonic() + 10
    monkeypatch.setattr("canvas_sync_core.logs.writer.monotonic", lambda: now)
    writer.append(line_of("a", 1))
    assert lines_left(tmp_path / "logs").total() == 2
    writer.close(0)


def test_each_time_that_a_log_cannot_be_written_is_reported_once(
    small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    writer = make_writer(small_disk.path)
    for _ in range(2):
        small_disk.fill()
        while not writer.pending:
            writer.append(b"x" * 1000 + b"\n")
        writer.append(b"waits\n")
        small_disk.make_room()
        assert writer.flush(600)
    writer.close(0)
    assert ["cannot be written: [Errno 28]" in message for message in caplog.messages] == [True] * 2


def test_a_folder_that_cannot_be_made_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    writer = make_writer(tmp_path / "file" / "logs", on_drop=lambda reason, count: None)
    writer.append(b"lost\n")
    writer.close(0)
    (message, lost) = caplog.messages
    assert "Not a directory" in message
    assert str(tmp_path / "file") in message
    assert lost == f"Lost 1 line of {tmp_path / 'file' / 'logs' / 'x.log'}."


def test_a_signal_handler_may_log_in_the_middle_of_a_line(
    tmp_path: Path, writer: LogFileWriter, race: Race
) -> None:
    def log_too(_number: int, _frame: FrameType | None) -> None:
        writer.append(line_of("handler", 0))

    before = signal.signal(signal.SIGUSR1, log_too)
    try:
        race.before_write(lambda: signal.raise_signal(signal.SIGUSR1))
        writer.append(line_of("main", 0))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert writer.flush(0)
    assert lines_left(tmp_path) == Counter([line_of("handler", 0), line_of("main", 0)])


def test_a_child_forked_while_another_thread_writes_does_not_hang(tmp_path: Path) -> None:
    process = spawn.Process(target=fork_while_a_thread_writes, args=(tmp_path,))
    process.start()
    process.join(600)
    assert process.exitcode == 0
    assert lines_left(tmp_path) == Counter([line_of("thread", 0), line_of("child", 0)])


def test_an_unwritable_place_is_counted_and_never_raised(
    tmp_path: Path, drops: Counter[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    writer = make_writer(
        tmp_path / "file", on_drop=lambda reason, count: drops.update({reason: count})
    )
    writer.append(line_of("a", 0))
    assert isinstance(writer.last_error, NotADirectoryError)
    writer.close(0)
    assert drops == Counter({"io_error": 1})


def test_a_rotation_that_fails_is_reported_once_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x.log.1").mkdir()
    (tmp_path / "x.log.1" / "occupied").touch()
    writer = make_writer(tmp_path, max_bytes=1_000, backups=1)
    for number in range(2_000):
        writer.append(line_of("a", number))
    assert (tmp_path / "x.log").read_bytes().count(b"\n") == 2_000
    assert ["cannot be rotated" in message for message in caplog.messages] == [True]
