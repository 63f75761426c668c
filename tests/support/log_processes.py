"""Real processes that write a log, and what they left behind.

The functions are targets of spawned processes. A line is ``writer:number:padding``.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from canvas_sync_core.logs import LogFileWriter
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import control_path, log_files, rotate

__all__ = [
    "append_until_killed",
    "fork_while_a_thread_writes",
    "fork_while_writing",
    "is_killed_at_line",
    "kill_at_each_change",
    "kill_at_each_line",
    "line_of",
    "lines_left",
    "make_writer",
    "page_of",
    "random_moments",
    "rotate_once",
    "spawn",
    "stop_while_moving_files",
    "stop_with_a_lock",
    "stopped_process",
    "write_lines",
    "write_on_a_full_disk",
]

spawn = multiprocessing.get_context("spawn")


def make_writer(
    folder: Path,
    *,
    name: str = "x.log",
    max_bytes: int = 1024 * 1024,
    backups: int = 200,
    on_drop: Callable[[str, int], None] | None = None,
) -> LogFileWriter:
    """Make a writer of a log; a lost line fails unless the caller counts them."""

    def refuse(reason: str, count: int) -> None:
        raise AssertionError(f"{count} lines lost: {reason}")

    return LogFileWriter(
        folder / name,
        max_bytes=max_bytes,
        backups=backups,
        control_dir=folder / "control",
        on_drop=on_drop or refuse,
    )


def page_of(folder: Path) -> ControlPage:
    """Return the control page of ``x.log``."""
    return ControlPage(control_path(folder / "control", folder / "x.log"))


def rotate_once(folder: Path, backups: int = 200) -> None:
    """Rotate ``x.log`` as any writer would."""
    page = page_of(folder)
    with page.locked(10) as held:
        assert held
        rotate(folder / "x.log", backups, page)


def line_of(writer: str, number: int) -> bytes:
    """Return a line of about 100 bytes."""
    return f"{writer}:{number}:{'x' * 90}\n".encode()


def lines_left(folder: Path, name: str = "x.log") -> Counter[bytes]:
    """Count each line in the log and its backups, blank ones left out."""
    found: Counter[bytes] = Counter()
    for file in log_files(folder / name):
        found.update(line for line in file.read_bytes().splitlines(keepends=True) if line.strip())
    return found


def write_lines(
    folder: Path,
    writer: str,
    count: int,
    pause_every: int = 0,
    *,
    name: str = "x.log",
    max_bytes: int = 1024 * 1024,
) -> None:
    """Write ``count`` lines; be slow when ``pause_every`` is given."""
    log = make_writer(folder, name=name, max_bytes=max_bytes)
    for number in range(count):
        log.append(line_of(writer, number))
        if pause_every and number % pause_every == 0:
            time.sleep(0.001)
    assert log.flush(600)
    log.close(0)


def write_on_a_full_disk(
    folder: Path, writer: str, pipe: Connection, *, name: str = "x.log"
) -> None:
    """Write until lines wait for room, say so, and finish when told that there is some."""
    log = make_writer(folder, name=name)
    number = 0
    while not log.pending:
        log.append(line_of(writer, number))
        number += 1
    pipe.send("waiting")
    while not pipe.poll():
        if number < 800:
            log.append(line_of(writer, number))
            number += 1
    for rest in range(number, 800):
        log.append(line_of(writer, rest))
    assert log.flush(600)
    log.close(0)


def stop_while_moving_files(folder: Path, is_swapping: bool) -> None:
    """Stop with the lock in hand, in the middle of a rotation or of a cleanup's replacement."""
    page = page_of(folder)
    with page.locked(10) as held:
        assert held
        page.next_generation()
        with page.swapping() if is_swapping else nullcontext():
            os.kill(os.getpid(), signal.SIGSTOP)


def stop_with_a_lock(database: str) -> None:
    """Stop with the lock of an SQLite file in hand."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    os.kill(os.getpid(), signal.SIGSTOP)
    connection.execute("ROLLBACK")
    connection.close()


@contextmanager
def stopped_process(target: Callable[..., object], *arguments: object) -> Iterator[int]:
    """Run a process that stops itself; it goes on when the block is left, and comes to its end."""
    process = spawn.Process(target=target, args=arguments)
    process.start()
    assert process.pid
    try:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        yield process.pid
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.join(600)
    assert process.exitcode == 0


def append_until_killed(folder: Path, writer: str, acknowledge: Connection) -> None:
    """Write lines endlessly, and report each number once its line is written.

    At most one line is written and not reported, even when the log stays locked for long.
    """
    log = make_writer(folder, max_bytes=16 * 1024)
    for number in itertools.count():
        log.append(line_of(writer, number))
        while log.pending:
            log.flush(1)
        os.write(acknowledge.fileno(), number.to_bytes(4, "big"))


def fork_while_writing(folder: Path, children: int, count: int) -> None:
    """Write and fork again and again; each child writes ``count`` lines, the parent too."""
    log = make_writer(folder, max_bytes=64 * 1024)
    pids = []
    for child in range(children):
        pid = os.fork()
        if pid == 0:
            log.after_fork_in_child()
            for number in range(count):
                log.append(line_of(f"child{child}", number))
            os._exit(0 if log.flush(10) else 1)
        pids.append(pid)
        for number in range(child * count, (child + 1) * count):
            log.append(line_of("parent", number))
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in pids)
    log.close(10)


def fork_while_a_thread_writes(folder: Path) -> None:
    """Fork at the very moment when a thread is in the middle of a write; the child writes too."""
    log = make_writer(folder)
    writing, forked = threading.Event(), threading.Event()
    write = os.write

    def slow_write(fd: int, data: Any) -> int:
        writing.set()
        assert forked.wait(600)
        return write(fd, data)

    os.write = slow_write
    thread = threading.Thread(target=log.append, args=(line_of("thread", 0),))
    thread.start()
    assert writing.wait(600)
    os.write = write
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)  # kills a child that hangs
        log.after_fork_in_child()
        log.append(line_of("child", 0))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    forked.set()
    thread.join()


def kill_at_each_line(modules: list[str], prepare: Any, act: Any, check: Any) -> None:
    """Fork a child for each line that ``act`` executes, and kill the child right before it.

    Args:
        modules: Names of files (such as ``rotation.py``) whose lines count.
        prepare: Called with the step before the child is made.
        act: What the child does.
        check: Called with the step after the child was killed, and after it came through.
    """
    step = 0
    killed = True
    while killed:
        prepare(step)
        killed = is_killed_at_line(step, modules, lambda: act(step))  # noqa: B023 - called at once
        check(step)
        step += 1
    assert step > 10, "the action was never interrupted"


def kill_at_each_change(
    folder: Path, modules: list[str], prepare: Any, act: Any, check: Any
) -> None:
    """Do the same, but leave out the lines before which the files are as before the last line.

    A kill there leaves the same files behind, and checking them again shows nothing new.

    Args:
        folder: The files.
        modules: As in :func:`kill_at_each_line`, and so are the others.
        prepare: Called before each action; the action must go the same way each time.
        act: What the child does.
        check: Called after each child.
    """
    prepare(0)
    steps = _changes(folder, modules, lambda: act(0))
    check(0)
    assert len(steps) > 5, "the action changed hardly anything"
    for step in steps:
        prepare(step)
        assert is_killed_at_line(step, modules, lambda: act(step))  # noqa: B023 - called at once
        check(step)


def _changes(folder: Path, modules: list[str], act: Callable[[], object]) -> list[int]:
    """Let a child act; return before which lines it had changed files."""
    here, there = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        steps: list[int] = []
        seen: object = None

        def look(step: int) -> None:
            nonlocal seen
            files = {
                path: (path.lstat().st_mode, path.is_file() and path.read_bytes())
                for path in folder.rglob("*")
            }
            if files != seen:
                steps.append(step)
                seen = files

        sys.settrace(_watcher(modules, look))
        act()
        sys.settrace(None)
        there.send(steps)
        os._exit(0)
    steps = here.recv()
    assert os.waitpid(pid, 0)[1] == 0
    return steps


def is_killed_at_line(step: int, modules: list[str], act: Callable[[], object]) -> bool:
    """Fork a child that acts, and kill it right before its ``step``-th line in some modules.

    Returns:
        False when it came through, since it has no more lines than that.
    """
    pid = os.fork()
    if pid == 0:
        sys.settrace(_killer(step, modules))
        act()
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0
    return killed


def _killer(step: int, modules: list[str]) -> Any:
    def kill_at(line: int) -> None:
        if line == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return _watcher(modules, kill_at)


def _watcher(modules: list[str], look: Callable[[int], None]) -> Any:
    """Return a trace function that counts the lines of some modules, from 0."""
    lines = itertools.count()

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename.rpartition("/")[2] not in modules:
            return None
        if event == "line":
            look(next(lines))
        return trace

    return trace


def random_moments(seed: int, count: int) -> list[int]:
    """Return reproducible numbers of acknowledgements after which to strike."""
    generator = random.Random(seed)
    return [generator.randint(1, 3000) for _ in range(count)]
