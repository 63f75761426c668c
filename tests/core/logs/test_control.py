"""The control page: generations, claims, the lock."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from canvas_sync_core.logs.control import ControlPage, LogLockedError
from support.log_processes import kill_at_each_line, spawn
from support.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]


@pytest.fixture
def page(tmp_path: Path) -> ControlPage:
    return ControlPage(tmp_path / "control" / "x.log.control")


def test_a_new_generation_is_seen_by_every_process_that_mapped_the_page(page: ControlPage) -> None:
    words = ControlPage(page.path).refresh()
    before = words[0]
    page.next_generation()
    assert words[0] == page.generation() > before


def test_a_process_that_maps_the_page_sees_whether_files_were_moved(page: ControlPage) -> None:
    other = ControlPage(page.path)
    opened = page.generation()
    assert not other.is_at(opened)  # not mapped yet
    other.refresh()
    assert other.is_at(opened)
    page.next_generation()
    assert not other.is_at(opened)
    moved = page.generation()
    assert other.is_at(moved)
    os.truncate(page.path, 0)
    assert not other.is_at(moved)


def test_a_page_that_was_replaced_is_mapped_again(page: ControlPage) -> None:
    page.refresh()
    page.path.unlink()
    other = ControlPage(page.path)
    other.next_generation()
    assert page.refresh()[0] == other.refresh()[0] > 0


def test_a_claim_counts_only_for_a_file_that_was_opened_before_it(page: ControlPage) -> None:
    opened = page.generation()
    page.next_generation()
    page.add_tombstone((8, 15), 1000)
    assert page.tombstone_length((8, 15), opened) == 1000
    assert page.tombstone_length((8, 16), opened) is None
    assert page.tombstone_length((8, 15), page.refresh()[0]) is None, "the inode is another file's"


def test_nobody_opens_a_log_that_is_being_replaced(page: ControlPage) -> None:
    other = ControlPage(page.path)
    other.refresh()
    with page.locked(0), page.swapping(), pytest.raises(LogLockedError, match="being replaced"):
        other.generation()
    assert other.generation() == page.generation()


def test_a_replacement_that_was_killed_does_not_keep_others_out(page: ControlPage) -> None:
    words = page.refresh()
    swap = page.swapping()
    swap.__enter__()
    odd = words[0]
    assert odd % 2
    assert ControlPage(page.path).generation() == odd + 1


def test_the_newest_claim_of_a_file_counts(page: ControlPage) -> None:
    for length in (2000, 1000):
        page.next_generation()
        page.add_tombstone((8, 15), length)
    assert page.tombstone_length((8, 15), 0) == 1000


def test_old_claims_make_room_for_new_ones(page: ControlPage) -> None:
    page.next_generation()
    for inode in range(1000):
        page.add_tombstone((8, inode), inode)
    assert page.tombstone_length((8, 0), 0) is None
    assert [page.tombstone_length((8, inode), 0) for inode in (900, 999)] == [900, 999]
    assert page.path.stat().st_size == 4096


def test_a_claim_that_is_killed_at_any_line_is_there_whole_or_not_at_all() -> None:
    process = spawn.Process(target=_kill_claims)
    process.start()
    process.join()
    assert process.exitcode == 0


def _kill_claims() -> None:
    with TemporaryDirectory() as name:
        page = ControlPage(Path(name) / "control")
        page.next_generation()
        for inode in range(127):
            page.add_tombstone((8, inode), 77)
        page.next_generation()

        def check(step: int) -> None:
            length = page.tombstone_length((9, step), 1)
            assert length in {None, 5}, length

        kill_at_each_line(
            ["control.py"], lambda step: None, lambda step: page.add_tombstone((9, step), 5), check
        )


def test_the_lock_excludes_all_others_and_waiting_for_it_ends_in_time(page: ControlPage) -> None:
    with page.locked(0) as mine:
        assert mine
        with ControlPage(page.path).locked(0.01) as other:
            assert not other
    with ControlPage(page.path).locked(0) as later:
        assert later


def test_a_forked_child_does_not_keep_the_lock_of_a_parent_that_died(page: ControlPage) -> None:
    page.refresh()
    here, there = spawn.Pipe()
    process = spawn.Process(target=_fork_with_the_lock_and_die, args=(page.path, there))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with page.locked(0) as before:
        assert not before, "the child still has it"
    here.send("let go")
    assert here.recv() == "done"
    with page.locked(0) as after:
        assert after
    here.send("end")


def _fork_with_the_lock_and_die(path: Path, pipe: Connection) -> None:
    page = ControlPage(path)
    with page.locked(1) as held:
        assert held
        if os.fork() == 0:
            pipe.recv()
            page.after_fork_in_child()
            pipe.send("done")
            pipe.recv()
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_full_disk_is_an_error_and_not_a_bus_error(small_disk: SmallDisk) -> None:
    small_disk.fill()
    page = ControlPage(small_disk.path / "x.control")
    with pytest.raises(OSError, match="No space left"):
        page.refresh()
    small_disk.make_room()
    assert page.refresh()[0] == 0
