"""A sync whose telemetry is interrupted by exceptions from outside; run as a script.

usage: interrupted.py random|stalled KIND[,KIND...] LOG_DIR TIMES

It prints how many exceptions of each kind reached the sync.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import json
import operator
import os
import queue
import random
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from canvas_sync_instrumentation.monitor import configure, shutdown
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker

PATIENCE: Final = 5.0
"""Seconds of processor time after which an exception that was raised counts as swallowed."""
STALLED: Final = 1.0
"""Seconds for which a write blocks."""
_MAIN: Final = threading.get_ident()
_dropped_by_python: Final = threading.Event()


class SoftLimitError(TimeoutError):
    """What the app's limit raises."""


def stop(_signum: int, _frame: object) -> NoReturn:
    raise SoftLimitError("soft limit")


def stop_with(error: Exception, _signum: int, _frame: object) -> NoReturn:
    raise error


def stop_and_restore(signum: int, frame: object) -> NoReturn:
    del frame
    signal.signal(signum, signal.SIG_DFL)
    raise TimeoutError


class App:
    def __call__(self, *_: object) -> NoReturn:
        raise ValueError("soft limit")

    def stop(self, *_: object, **__: object) -> NoReturn:
        raise KeyError("soft limit")


def wrapped(function: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> NoReturn:
        function(*args)

    return wrapper


HANDLERS: Final[dict[str, Callable[[int, Any], Any]]] = {
    "function": stop,
    "partial": functools.partial(stop_with, OSError(28, "No space left on device")),
    "object": App(),
    "bound": App().stop,
    "lambda": lambda *args: stop(*args),  # noqa: PLW0108 - that is the kind
    "wrapped": wrapped(stop_and_restore),
    "restores": stop_and_restore,
    "cached": functools.lru_cache(stop),
    "in C": operator.truediv,  # raises TypeError
}


def work(run: CanvasSyncMetricsTracker) -> None:
    run.record_course(1, created=True)
    run.record_api_call("GET", "/api/v1/courses/5", 500, 0.1, body='{"message": "no"}')
    run.record_db_operation("CREATE", "Course", 2, 0.1)
    with run.step("x"):
        run.progress(50, "half")
    run.record_error(ValueError("x"))


class Alarm:
    """Raises once into the main thread, a while after it was set."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._delays: queue.SimpleQueue[float] = queue.SimpleQueue()
        if kind == "thread":
            threading.Thread(target=self._raise_in_main_thread, daemon=True).start()

    def set(self, delay: float) -> None:
        if self._kind == "thread":
            self._delays.put(delay)
        else:
            signal.signal(signal.SIGALRM, HANDLERS[self._kind])
            signal.setitimer(signal.ITIMER_REAL, delay)

    def _raise_in_main_thread(self) -> None:
        while True:
            time.sleep(self._delays.get())
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(_MAIN), ctypes.py_object(SoftLimitError)
            )


def interrupted(alarm: Alarm, task_id: str, delay: float) -> bool:
    """Return whether what the alarm raised reached the sync.

    Python drops what is raised in a callback of a weak reference or of its garbage collector, with
    or without telemetry; the sync raises it itself then.
    """
    _dropped_by_python.clear()
    try:
        with CanvasSyncMetricsTracker(task_id, 42) as run:
            deadline = time.thread_time() + PATIENCE
            alarm.set(delay)
            while time.thread_time() < deadline and not _dropped_by_python.is_set():
                work(run)
            if _dropped_by_python.is_set():
                raise SoftLimitError
    except Exception:  # noqa: BLE001 - of any class
        return True
    return False


def interrupted_write(alarm: Alarm) -> bool:
    """Return whether what the alarm raised while a line was written reached the sync."""
    alarm.set(STALLED / 4)
    start = time.monotonic()
    try:
        CanvasSyncMetricsTracker("t1", 42)
    except Exception:  # noqa: BLE001 - as above
        return STALLED / 4 <= time.monotonic() - start < STALLED
    return False


def stall(log: Path) -> None:
    """Let each write to a log block for a second, as a disk that does not answer."""
    os.mkfifo(log)
    fd = os.open(log, os.O_RDWR | os.O_NONBLOCK)
    os.write(fd, b"x" * fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ))

    def answer_again() -> None:
        time.sleep(STALLED)
        while True:
            select.select([fd], [], [])
            os.read(fd, 65536)

    threading.Thread(target=answer_again, daemon=True).start()


def main(mode: str, kinds: str, folder: str, times: str) -> None:
    log_dir = Path(folder)
    log_dir.mkdir(parents=True)
    configure(log_dir=log_dir, strict=False)
    sys.unraisablehook = lambda _: _dropped_by_python.set()
    if mode == "stalled":
        stall(log_dir / "progress.log")
        print(json.dumps({kinds: interrupted_write(Alarm(kinds))}))
    else:
        chance = random.Random(7)
        print(json.dumps({kind: reached(kind, int(times), chance) for kind in kinds.split(",")}))
    shutdown(PATIENCE)


def reached(kind: str, times: int, chance: random.Random) -> int:
    """Count the exceptions, raised at random moments, that reached the sync."""
    alarm = Alarm(kind)
    return sum(
        interrupted(alarm, f"{kind}-{number}", chance.uniform(0.00002, 0.002))
        for number in range(times)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
