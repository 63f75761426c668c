"""Lines wait in memory for a disk, and are dropped and counted beyond a bound."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from canvas_sync_core.logs.pending import PENDING_BYTES
from canvas_sync_core.logs.writer import LogFileWriter
from support.log_processes import line_of, lines_left, make_writer, spawn, write_on_a_full_disk
from support.log_writers import file_size_limit
from support.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]


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


def test_lines_that_wait_are_written_only_by_the_parent(small_disk: SmallDisk) -> None:
    small_disk.fill()
    writer = make_writer(small_disk.path)
    writer.append(line_of("a", 0))
    child = make_writer(small_disk.path)
    child.append(line_of("a", 1))
    child.after_fork_in_child()
    assert (writer.pending, child.pending) == (1, 0)
