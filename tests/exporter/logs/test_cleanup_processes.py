"""Cleanups while four processes write: nothing is lost or doubled, whatever goes wrong besides."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from canvas_sync_exporter.logs.archive import archives
from canvas_sync_exporter.logs.cleanup import RetentionSettings, cleanup_canvas_sync_logs
from support import log_processes
from support.cleanups import LOG, NOW, everywhere, settings_for
from support.log_processes import is_killed_at_line, line_of, spawn, write_on_a_full_disk
from support.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]

NAMES = ("fast1", "fast2", "fast3", "slow")
LINES = 30_000
CLEANUP = ["cleanup.py", "staging.py", "archive.py", "control.py", "cleanup_report.py"]


def four_writers(folder: Path) -> list[SpawnProcess]:
    """Start processes that write and rotate a log; the last one takes its time."""
    processes = [
        spawn.Process(
            target=log_processes.write_lines,
            args=(folder, name, LINES, 20 if name == "slow" else 100),
            kwargs={"name": LOG, "max_bytes": 256 * 1024},
        )
        for name in NAMES
    ]
    for process in processes:
        process.start()
    return processes


def cleanup_times() -> Iterator[dt.datetime]:
    """Return a time for each cleanup, a second after the one before."""
    return (NOW + dt.timedelta(seconds=seconds) for seconds in itertools.count())


def all_lines() -> Counter[bytes]:
    return Counter(line_of(name, number) for name in NAMES for number in range(LINES))


def test_a_writer_that_is_stopped_around_cleanups_neither_loses_nor_duplicates_lines(
    tmp_path: Path,
) -> None:
    settings = settings_for(tmp_path, keep_lines=100)
    processes = four_writers(tmp_path)
    slow = processes[-1]
    assert slow.pid is not None
    times = cleanup_times()
    while any(process.is_alive() for process in processes):
        moment = next(times)
        stopped = moment.second % 2 == 0
        if stopped and slow.is_alive():
            os.kill(slow.pid, signal.SIGSTOP)
        report = cleanup_canvas_sync_logs(settings, now=moment)
        if stopped and slow.is_alive():
            os.kill(slow.pid, signal.SIGCONT)
        assert all("stayed locked" in error for error in report.errors), report.errors
    assert [process.exitcode for process in processes] == [0] * len(NAMES)
    cleanup_canvas_sync_logs(settings, now=next(times))
    assert len(archives(settings.archive_dir)) > 5
    assert everywhere(settings) == all_lines()


def test_cleanups_that_are_killed_while_others_write_neither_lose_nor_duplicate_lines(
    tmp_path: Path,
) -> None:
    settings = settings_for(tmp_path, keep_lines=100)
    processes = four_writers(tmp_path)
    here, there = spawn.Pipe()
    killing = spawn.Process(target=_kill_cleanups, args=(settings, there))
    killing.start()
    for process in processes:
        process.join()
    here.send("all is written")
    assert here.recv() > 0, "no cleanup was killed"
    killing.join()
    assert [process.exitcode for process in [*processes, killing]] == [0] * 5
    later = NOW + dt.timedelta(days=1)
    assert cleanup_canvas_sync_logs(settings, now=later).errors == []
    assert everywhere(settings) == all_lines()


def _kill_cleanups(settings: RetentionSettings, pipe: Connection) -> None:
    """Kill one cleanup after the other, each a few lines of its program later, until told."""
    killed, first = 0, 0
    while not pipe.poll():
        for line in itertools.count(first, 11):
            if pipe.poll() or not is_killed_at_line(
                line, CLEANUP, lambda: cleanup_canvas_sync_logs(settings, now=NOW)
            ):
                break
            killed += 1
        first += 1
    pipe.send(killed)


def test_four_writers_and_the_cleanup_get_over_a_full_disk(small_disk: SmallDisk) -> None:
    """Logs and archives are on it, and writes were cut short; each line is there once, whole."""
    settings = settings_for(small_disk.path)
    small_disk.fill(leave=40 * 1024)
    processes, pipes = [], []
    for name in NAMES:
        here, there = spawn.Pipe()
        process = spawn.Process(
            target=write_on_a_full_disk, args=(small_disk.path, name, there), kwargs={"name": LOG}
        )
        process.start()
        processes.append(process)
        pipes.append(here)
    assert [pipe.recv() for pipe in pipes] == ["waiting"] * len(NAMES)
    times = cleanup_times()
    assert any("No space left" in error for error in _clean(settings, times))
    small_disk.make_room()
    for pipe in pipes:
        pipe.send("room")
    while any(process.is_alive() for process in processes):
        assert _clean(settings, times) == []
    assert [process.exitcode for process in processes] == [0] * len(NAMES)
    assert _clean(settings, times) == []
    found = everywhere(settings)
    expected = [line_of(name, number) for name in NAMES for number in range(800)]
    assert {line: found[line] for line in expected} == dict.fromkeys(expected, 1)


def _clean(settings: RetentionSettings, times: Iterator[dt.datetime]) -> list[str]:
    return cleanup_canvas_sync_logs(settings, now=next(times)).errors
