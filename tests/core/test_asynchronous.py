"""What a signal handler or another thread raises into our code is the sync's."""

from __future__ import annotations

import ast
import collections
import functools
import gc
import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest

from canvas_sync_core.asynchronous import is_asynchronous
from support.interrupted import HANDLERS

TESTS = Path(__file__).parents[1]
IN_THE_SYNCS_THREAD = (
    "core/canvas_sync_core/canvas",
    "core/canvas_sync_core/metrics",
    "instrumentation/canvas_sync_instrumentation/run",
)
ELSEWHERE = {"folded_state.py", "metric_directory.py", "reading.py", "sample_keys.py"}
"""Fold metric files, in their own thread or in the exporter, where no handler of a signal runs."""
BROAD = ("Exception", "OSError", "ValueError", "RecursionError")
"""What the handler of a signal may well raise too."""


def reached(mode: str, kinds: str, log_dir: Path, times: int) -> Any:
    """Return how many exceptions of each kind reached the sync."""
    command = [sys.executable, "-m", "support.interrupted", mode, kinds, str(log_dir), str(times)]
    environ = {**os.environ, "CANVAS_SYNC_STRICT": "false"}
    done = subprocess.run(
        command, cwd=TESTS, env=environ, capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(done.stdout)


def test_what_is_raised_at_a_random_moment_reaches_the_sync(tmp_path: Path) -> None:
    log_dir, times = tmp_path / "logs", 12
    kinds = [*HANDLERS, "thread"]
    assert reached("random", ",".join(kinds), log_dir, times) == dict.fromkeys(kinds, times)
    lines = collections.Counter(
        line for log in log_dir.glob("*.log") for line in log.read_bytes().splitlines()
    )
    assert all(json.loads(line)["timestamp"] for line in lines)
    assert set(lines.values()) == {1}
    with closing(sqlite3.connect(log_dir / "state" / "canvas_sync.sqlite3")) as database:
        rows = database.execute("SELECT sync_status FROM canvas_sync_metrics").fetchall()
    assert rows == [("failed",)] * times * len(kinds)


@pytest.mark.parametrize("kind", ["function", "wrapped", "in C"])
def test_what_is_raised_while_a_disk_does_not_answer_reaches_the_sync(
    tmp_path: Path, kind: str
) -> None:
    assert reached("stalled", kind, tmp_path / "logs", 1) == {kind: True}


def caught(function: Callable[[], object]) -> Exception:
    try:
        function()
    except Exception as error:  # noqa: BLE001 - any
        return error
    raise AssertionError("nothing was raised")


class Broken:
    def __str__(self) -> str:
        raise ValueError

    def __len__(self) -> int:
        return -1  # noqa: PLE0303

    def __bool__(self) -> bool:
        raise TimeoutError

    def __iter__(self) -> Iterator[int]:
        yield 1
        raise TimeoutError("soft limit")


def recursive() -> int:
    return recursive() + 1


def jump_while_broken() -> None:
    broken = Broken()
    while broken:
        pass


OURS: dict[str, Callable[[], object]] = {
    "raised": lambda: exec("raise TimeoutError"),
    "raised below": lambda: str(Broken()),
    "raised in a generator": lambda: list(Broken()),
    "wrong length": lambda: len(Broken()),
    "condition": jump_while_broken,
    "operation": lambda: 1 / 0,
    "item": lambda: {}["x"],  # type: ignore[index]
    "attribute": lambda: object().x,  # type: ignore[attr-defined]
    "call": lambda: int("x"),
    "system call": lambda: os.close(-1),
    "end": lambda: next(iter(())),
    "loop": lambda: [[each] for each in iter(queue.SimpleQueue[int]().get_nowait, None)],
    "recursion": recursive,
    "conversion": lambda: str(10**5000),
    "encoding": "\udc80".encode,
    "decoding": lambda: json.loads("{"),
}


@pytest.mark.parametrize("name", OURS)
def test_what_our_own_work_raises_is_ours(name: str) -> None:
    assert not is_asynchronous(caught(OURS[name]))


def test_a_failed_system_call_is_ours_whatever_handles_signals() -> None:
    before = signal.signal(signal.SIGALRM, HANDLERS["in C"])
    try:
        assert not is_asynchronous(caught(OURS["system call"]))
    finally:
        signal.signal(signal.SIGALRM, before)


_signal: Any = signal.raise_signal
_kill: Any = os.kill
_alarm: Any = staticmethod(functools.partial(signal.raise_signal, signal.SIGALRM))


class Alarm(int):
    """Raises a signal in each of its methods, by C code that leaves no frame in a traceback."""

    __bool__ = __enter__ = __hash__ = __iter__ = __neg__ = __repr__ = __str__ = keys = _alarm
    __add__ = __contains__ = __eq__ = __getitem__ = __delitem__ = __lt__ = _signal
    __setitem__ = _kill
    attribute = property(_signal, _kill, _signal)

    def __exit__(self, *_: object) -> None:
        """Exist for ``with``, which raises before."""


SIGNALLING = [
    "f'{alarm}'",
    "f'{alarm!r}'",
    "f'{alarm!s:>3}'",
    "'%s' % alarm",
    "str(alarm)",
    "print(*signals)",
    "for _ in signals: pass",
    "[_ for _ in signals]",
    "for _ in alarm: pass",
    "one, two = signals",
    "one, *more = signals",
    "[*signals]",
    "{*signals}",
    "{**alarm}",
    "dict(**alarm)",
    "{alarm}",
    "{alarm: 1}",
    "alarm + SIGALRM",
    "-alarm",
    "not alarm",
    "alarm and 1",
    "if alarm: pass",
    "while alarm: pass",
    "assert alarm",
    "alarm < SIGALRM",
    "alarm == SIGALRM",
    "SIGALRM in alarm",
    "alarm.attribute",
    "process.attribute = SIGALRM",
    "del alarm.attribute",
    "alarm[SIGALRM]",
    "alarm[process] = SIGALRM",
    "del alarm[SIGALRM]",
    "with alarm: pass",
    "raise ValueError(f'{alarm}')",
]


@pytest.mark.parametrize("handler", ["function", "in C"])
@pytest.mark.parametrize("statement", SIGNALLING)
def test_what_a_signal_raises_within_any_instruction_is_the_syncs(
    statement: str, handler: str
) -> None:
    signals = map(signal.raise_signal, [signal.SIGALRM])
    names = {"alarm": Alarm(signal.SIGALRM), "process": Alarm(os.getpid()), "signals": signals}
    before = signal.signal(signal.SIGALRM, HANDLERS[handler])
    try:
        error = caught(lambda: exec(statement, {**names, "SIGALRM": signal.SIGALRM}))
        assert is_asynchronous(error)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert "soft limit" in str(error) or "'frame'" in str(error), "the handler's own"


@pytest.mark.parametrize("name", ["raised", "raised below", "condition"])
def test_what_our_code_says_it_raises_is_ours_beside_a_handler_in_c(name: str) -> None:
    before = signal.signal(signal.SIGALRM, HANDLERS["in C"])
    try:
        assert not is_asynchronous(caught(OURS[name]))
    finally:
        signal.signal(signal.SIGALRM, before)


def test_what_ends_a_program_is_never_ours() -> None:
    assert is_asynchronous(KeyboardInterrupt())
    assert is_asynchronous(SystemExit())


def test_what_was_made_of_an_asynchronous_exception_is_the_syncs() -> None:
    def handler(*_: object) -> NoReturn:
        raise TimeoutError

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGALRM)
        except OSError as error:
            raise RuntimeError("wrapped by a library") from error

    before: Any = signal.signal(signal.SIGALRM, handler)
    try:
        assert is_asynchronous(caught(work))
    finally:
        signal.signal(signal.SIGALRM, before)
    gc.collect()


@pytest.mark.parametrize(
    "throwing",
    [
        "import gevent\nwithin = gevent.Timeout",
        "import eventlet\neventlet.monkey_patch()\nwithin = eventlet.Timeout",
    ],
    ids=["gevent", "eventlet"],
)
@pytest.mark.parametrize("error", ["ValueError('late')", "TimeoutError(5, 'late')", "KeyError"])
def test_what_another_greenlet_throws_while_ours_sleeps_is_the_syncs(
    throwing: str, error: str
) -> None:
    code = f"""
from gevent import monkey
if {"gevent" in throwing}:
    monkey.patch_all()
{throwing}
from canvas_sync_core.asynchronous import is_asynchronous
from canvas_sync_core.locks import Lock
lock = Lock()
lock.acquire()
try:
    with within(0.01, {error}):
        try:
            lock.acquire(60)
        except Exception as error:
            print(is_asynchronous(error))
except Exception:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "True\n"


@pytest.mark.parametrize("package", IN_THE_SYNCS_THREAD)
def test_every_broad_handler_in_the_syncs_thread_passes_on_the_errors_of_the_sync(
    package: str,
) -> None:
    """No test can raise in each of these places, so the source itself is read."""
    handlers = [
        (path.name, handler)
        for path in (TESTS.parent / package).glob("*.py")
        if path.name not in ELSEWHERE
        for handler in ast.walk(ast.parse(path.read_text()))
        if isinstance(handler, ast.ExceptHandler) and handler.type is not None
        if any(name in ast.unparse(handler.type) for name in BROAD)
    ]
    assert handlers
    for name, handler in handlers:
        lines = {ast.unparse(statement) for statement in handler.body}
        hands_on = {
            f"raise_if_asynchronous({handler.name})",
            f"if is_asynchronous({handler.name}):\n    raise",
            "raise",
        }
        assert lines & hands_on, f"{name}:{handler.lineno}"
