"""The writer by itself: races made to happen, disks that fill up, files that vanish."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import pytest

from canvas_sync_core.logs import patience as patience_module
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.pending import PENDING_BYTES
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
    write_on_a_full_disk,
)
from support.small_disk import SmallDisk, small_disk
from support.waiting import wait_until

__all__ = ["small_disk"]


@pytest.fixture
def drops() -> Counter[str]:
    return Counter()


@pytest.fixture
def writer(tmp_path: Path, drops: Counter[str]) -> Iterator[LogFileWriter]:
    made = make_writer(tmp_path, on_drop=lambda reason, count: drops.update({reason: count}))
    yield made
    made.close(0)


class Race:
    """Does something right before one ``os.write`` of the log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def before_write(self, act: Callable[[], None]) -> None:
        write = os.write

        def racing_write(fd: int, data: bytes) -> int:
            self._monkeypatch.setattr(os, "write", write)
            act()
            return write(fd, data)

        self._monkeypatch.setattr(os, "write", racing_write)

    def after_write(self, act: Callable[[], None]) -> None:
        write = os.write

        def racing_write(fd: int, data: bytes) -> int:
            self._monkeypatch.setattr(os, "write", write)
            written = write(fd, data)
            act()
            return written

        self._monkeypatch.setattr(os, "write", racing_write)


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch) -> Race:
    return Race(monkeypatch)


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


def test_a_cleanup_while_the_writer_looks_for_its_log_doubles_nothing(
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


def archive(folder: Path) -> None:
    """Remove the log as a cleanup does that has archived its lines."""
    page = page_of(folder)
    with page.locked(1):
        page.next_generation()
        found = (folder / "x.log").stat()
        page.add_tombstone((found.st_dev, found.st_ino), found.st_size)
        (folder / "x.log").unlink()


def test_a_claim_that_a_killed_cleanup_never_carried_out_doubles_nothing(
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


@pytest.mark.parametrize("moment", ["before_write", "after_write"])
def test_a_line_waits_while_whoever_moves_its_file_is_stopped(
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


def test_threads_lose_and_double_nothing(tmp_path: Path) -> None:
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


def test_a_rotation_that_another_process_is_at_does_not_hold_up_the_writer(
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
def test_no_line_is_lost_when_the_log_is_removed_and_that_is_told_once(
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


def test_lines_wait_for_a_full_disk_and_are_written_in_order_when_it_has_room(
    small_disk: SmallDisk, drops: Counter[str]
) -> None:
    writer = make_writer(
        small_disk.path, on_drop=lambda reason, count: drops.update({reason: count})
    )
    writer.append(line_of("a", 0))
    small_disk.fill()
    for number in range(1, 1_000):
        writer.append(line_of("a", number))
    assert writer.pending > 900
    assert not writer.flush(0)
    small_disk.make_room()
    writer.append(line_of("a", 1_000))
    assert writer.pending == 0
    lines = (small_disk.path / "x.log").read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"x" * 90 + b"\n")]
    assert whole == [line_of("a", number) for number in range(1_001)]
    assert drops == Counter()
    writer.close(0)  # or it goes on to warn in the next tests, when its folder is gone


def test_each_time_that_a_log_cannot_be_written_is_told_once(
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


def test_a_folder_that_cannot_be_made_is_told(
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


def test_a_disk_that_is_full_from_the_start_loses_nothing_once_it_has_room(
    small_disk: SmallDisk,
) -> None:
    small_disk.fill()
    writer = make_writer(small_disk.path)
    writer.append(line_of("a", 0))
    assert writer.pending == 1
    small_disk.make_room()
    assert writer.flush(600)
    assert lines_left(small_disk.path) == Counter([line_of("a", 0)])


def test_several_processes_get_over_a_full_disk(small_disk: SmallDisk) -> None:
    """All lines of all processes are there once, whole, though writes were cut short."""
    small_disk.fill(leave=40 * 1024)
    processes, pipes = [], []
    for index in range(3):
        here, there = spawn.Pipe()
        process = spawn.Process(
            target=write_on_a_full_disk, args=(small_disk.path, f"writer{index}", there)
        )
        process.start()
        processes.append(process)
        pipes.append(here)
    for pipe in pipes:
        assert pipe.recv() == "waiting"
    small_disk.make_room()
    for pipe in pipes:
        pipe.send("room")
    for process in processes:
        process.join()
        assert process.exitcode == 0
    content = (small_disk.path / "x.log").read_bytes()
    for index in range(3):
        for number in range(800):
            assert content.count(line_of(f"writer{index}", number)) == 1


def test_lines_beyond_the_bound_are_dropped_and_counted_by_reason(
    small_disk: SmallDisk, drops: Counter[str]
) -> None:
    writer = make_writer(
        small_disk.path, on_drop=lambda reason, count: drops.update({reason: count})
    )
    writer.append(line_of("a", 0))
    small_disk.fill()
    size = len(line_of("a", 1000))
    for number in range(PENDING_BYTES // size + 100):
        writer.append(line_of("a", 1000 + number % 1000))
    assert drops["disk_full"] >= 60
    assert drops.total() + writer.pending + lines_left(small_disk.path).total() >= (
        PENDING_BYTES // size + 101
    )
    waiting = writer.pending
    lost = drops["disk_full"]
    writer.close(0)
    assert drops["disk_full"] == lost + waiting


def test_a_line_longer_than_the_bound_is_written_and_waits_like_any_other(
    tmp_path: Path, writer: LogFileWriter
) -> None:
    long = b"x" * (PENDING_BYTES + 1) + b"\n"
    with file_size_limit(0):
        writer.append(long)
        assert writer.pending == 1
    assert writer.flush(0)
    assert lines_left(tmp_path) == Counter([long])


def test_a_line_that_was_cut_short_is_written_whole_on_a_line_of_its_own(
    tmp_path: Path, writer: LogFileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on the size of a file cuts a real write short."""
    line = line_of("a", 0)
    writer.append(line)
    with file_size_limit(len(line) + 20):
        writer.append(line_of("a", 1))
        assert writer.pending == 1
    assert writer.flush(0)
    content = (tmp_path / "x.log").read_bytes()
    assert content == line + line_of("a", 1)[:20] + b"\n" + line_of("a", 1)


def test_a_line_that_lacks_its_newline_alone_is_not_written_twice(
    tmp_path: Path, writer: LogFileWriter
) -> None:
    line = line_of("a", 0)
    with file_size_limit(len(line) - 1):
        writer.append(line)
        assert not writer.flush(0)
    writer.append(line_of("a", 1))
    assert (tmp_path / "x.log").read_bytes() == line + line_of("a", 1)


def test_an_owed_newline_is_written_by_flush(tmp_path: Path, writer: LogFileWriter) -> None:
    line = line_of("a", 0)
    with file_size_limit(len(line) - 1):
        writer.append(line)
    assert writer.flush(0)
    assert (tmp_path / "x.log").read_bytes() == line


class file_size_limit:  # noqa: N801 - reads as a function where it is used
    """Limit the size of the files that this process writes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def test_a_torn_end_of_the_file_does_not_spoil_the_next_line(
    tmp_path: Path, writer: LogFileWriter
) -> None:
    (tmp_path / "x.log").write_bytes(b"torn by a process that was ki")
    writer.append(line_of("a", 0))
    assert (tmp_path / "x.log").read_bytes() == b"torn by a process that was ki\n" + line_of("a", 0)


def test_a_line_that_another_process_is_writing_is_not_taken_for_torn(
    tmp_path: Path, writer: LogFileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "x.log"
    first, rest = line_of("other", 0)[:7], line_of("other", 0)[7:]
    log.write_bytes(first)

    def meanwhile(_seconds: float) -> None:
        with log.open("ab") as other:
            other.write(rest)

    monkeypatch.setattr(time, "sleep", meanwhile)
    writer.append(line_of("a", 0))
    assert log.read_bytes() == line_of("other", 0) + line_of("a", 0)


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


def test_what_waits_is_written_by_the_parent_alone(small_disk: SmallDisk) -> None:
    small_disk.fill()
    writer = make_writer(small_disk.path)
    writer.append(line_of("a", 0))
    child = make_writer(small_disk.path)
    child.append(line_of("a", 1))
    child.after_fork_in_child()
    assert (writer.pending, child.pending) == (1, 0)


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


def test_a_rotation_that_fails_is_told_once_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x.log.1").mkdir()
    (tmp_path / "x.log.1" / "occupied").touch()
    writer = make_writer(tmp_path, max_bytes=1_000, backups=1)
    for number in range(2_000):
        writer.append(line_of("a", number))
    assert (tmp_path / "x.log").read_bytes().count(b"\n") == 2_000
    assert ["cannot be rotated" in message for message in caplog.messages] == [True]
