"""The writer among other processes: slow ones, forked ones, killed ones."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from canvas_sync_core.logs.patience import Patience
from canvas_sync_core.logs.rotation import log_files
from support import log_processes
from support.lock_clock import LockClock
from support.log_processes import (
    line_of,
    lines_left,
    make_writer,
    page_of,
    spawn,
    stop_while_moving_files,
    stopped_process,
)
from support.waiting import wait_until

LINES = 50_000


def test_four_processes_one_of_them_stopped_around_rotations_neither_lose_nor_duplicate_lines(
    tmp_path: Path,
) -> None:
    names = ("fast1", "fast2", "fast3", "slow")
    processes = {
        name: spawn.Process(
            target=log_processes.write_lines,
            args=(tmp_path, name, LINES, 50 if name == "slow" else 0),
        )
        for name in names
    }
    for process in processes.values():
        process.start()
    _stop_around_rotations(tmp_path, processes)
    for process in processes.values():
        process.join()
    assert [process.exitcode for process in processes.values()] == [0] * len(names)
    assert len(log_files(tmp_path / "x.log")) > 15
    assert lines_left(tmp_path) == Counter(
        line_of(name, number) for name in names for number in range(LINES)
    )


def _stop_around_rotations(folder: Path, processes: dict[str, SpawnProcess]) -> None:
    """Stop the slow process, let the others rotate, let it go on; until the others are done."""
    slow = processes["slow"].pid
    assert slow is not None
    page = page_of(folder)
    fast = [process for name, process in processes.items() if name != "slow"]
    while any(process.is_alive() for process in fast) and processes["slow"].is_alive():
        os.kill(slow, signal.SIGSTOP)
        before = page.refresh()[0]
        while page.refresh()[0] == before and any(process.is_alive() for process in fast):
            fast[0].join(0.001)
        os.kill(slow, signal.SIGCONT)
        fast[0].join(0.002)


def test_a_process_that_forks_while_it_writes_and_its_children_neither_lose_nor_duplicate_lines(
    tmp_path: Path,
) -> None:
    process = spawn.Process(target=log_processes.fork_while_writing, args=(tmp_path, 8, 2_000))
    process.start()
    process.join()
    assert process.exitcode == 0
    expected = Counter(line_of("parent", number) for number in range(8 * 2_000))
    for child in range(8):
        expected.update(line_of(f"child{child}", number) for number in range(2_000))
    assert lines_left(tmp_path) == expected


def test_what_killed_writers_acknowledged_stays(tmp_path: Path) -> None:
    """Writers are killed at random moments, many of them while they rotate; one survives."""
    survivor = spawn.Process(
        target=log_processes.write_lines, args=(tmp_path, "survivor", 20_000, 100)
    )
    survivor.start()
    kill_times = log_processes.random_moments(seed=7, count=8)
    with ThreadPoolExecutor(2) as pool:
        acknowledged = pool.map(
            lambda numbered: _write_until(tmp_path, f"writer{numbered[0]}", numbered[1]),
            enumerate(kill_times),
        )
        expected = Counter(line for lines in acknowledged for line in lines)
    survivor.join()
    assert survivor.exitcode == 0
    expected.update(line_of("survivor", number) for number in range(20_000))
    found = _whole_lines(tmp_path)
    assert {line: found[line] for line in expected} == dict(expected)
    assert len(set(found) - set(expected)) <= len(kill_times), "the line each was killed in"


def _whole_lines(folder: Path) -> Counter[bytes]:
    """Count whole lines, also one that stands behind what a killed writer tore."""
    whole = re.compile(rb"(?:survivor|writer[0-9]):[0-9]+:x{90}\n")
    return Counter(
        line for file in log_files(folder / "x.log") for line in whole.findall(file.read_bytes())
    )


def _write_until(folder: Path, name: str, moment: int) -> list[bytes]:
    """Kill a writer after ``moment`` acknowledgements; return the lines that it acknowledged."""
    reader, writer = spawn.Pipe(duplex=False)
    with reader:
        process = spawn.Process(
            target=log_processes.append_until_killed, args=(folder, name, writer)
        )
        process.start()
        writer.close()
        received = b""
        while len(received) < moment * 4:
            chunk = os.read(reader.fileno(), 4096)
            assert chunk, "the writer has ended by itself"
            received += chunk
        process.kill()
        process.join()
        while rest := os.read(reader.fileno(), 65536):
            received += rest
    numbers = range(0, len(received) // 4 * 4, 4)
    return [line_of(name, int.from_bytes(received[at : at + 4], "big")) for at in numbers]


@pytest.mark.parametrize("is_swapping", [True, False], ids=["replacement", "rotation"])
def test_no_thread_waits_for_a_stopped_process_and_all_lines_come_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_swapping: bool
) -> None:
    """The process that moves the files is stopped: nobody can tell which file a line belongs to."""
    writer = make_writer(tmp_path)
    writer.append(line_of("before", 0))
    clock = LockClock(monkeypatch)
    # In each round, the first process to write tries the log again.
    each_round = threading.Barrier(200, action=lambda: clock.advance(0.1))
    waits: list[float] = []

    def log(thread: int) -> None:
        for number in range(10):
            each_round.wait()
            start = clock.now()
            writer.append(line_of(f"{thread}", number))
            waits.append(clock.now() - start)
            each_round.wait()

    threads = [threading.Thread(target=log, args=(number,)) for number in range(200)]
    with ExitStack() as stopped:
        write = os.write

        def stop_before_write(fd: int, data: bytes) -> int:
            monkeypatch.setattr(os, "write", write)
            mover = stopped_process(stop_while_moving_files, tmp_path, is_swapping)
            stopped.enter_context(mover)
            return write(fd, data)

        monkeypatch.setattr(os, "write", stop_before_write)
        start = clock.now()
        writer.append(line_of("first", 0))
        waits.append(clock.now() - start)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert writer.pending == 2001
        assert 0 < sum(waits) < 0.1
    monkeypatch.undo()
    assert writer.flush(600)
    written = [line.split(b":")[:2] for line in (tmp_path / "x.log").read_bytes().splitlines()]
    assert written[:2] == [[b"before", b"0"], [b"first", b"0"]]
    assert len(written) == 2002
    for name in (b"%d" % number for number in range(200)):
        assert [int(number) for of, number in written if of == name] == list(range(10))


def test_lines_that_waited_for_a_lock_are_written_even_if_nothing_more_is_logged(
    tmp_path: Path,
) -> None:
    writer = make_writer(tmp_path)
    with stopped_process(stop_while_moving_files, tmp_path, True):
        writer.append(line_of("a", 0))
        assert writer.pending
    wait_until(lambda: not writer.pending, "the line")
    assert (tmp_path / "x.log").read_bytes() == line_of("a", 0)


def test_waits_for_a_lock_that_is_released_just_in_time_do_not_add_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("canvas_sync_core.logs.writer.monotonic", lambda: now)
    patience = Patience()
    for _ in range(200):
        start = now
        now += 0.9 * patience.left()
        patience.spend_since(start)
    assert now < 0.1
