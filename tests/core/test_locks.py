"""Locks and waits between threads; those of greenlets are tried in `test_greenlets`."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from canvas_sync_core.locks import Condition, Event, Lock
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure


def test_a_lock_excludes_another_thread_until_it_is_released() -> None:
    lock = Lock()
    entered: list[str] = []

    def enter() -> None:
        with lock:
            entered.append("other")

    with lock:
        assert not lock.acquire(0)
        assert not lock.acquire(0.01)
        thread = threading.Thread(target=enter)
        thread.start()
        entered.append("first")
    thread.join()
    assert entered == ["first", "other"]


def test_a_condition_wakes_every_waiting_thread() -> None:
    changed, awake, ready = Condition(), [], False

    def wait() -> None:
        with changed.lock:
            awake.append(changed.wait_for(lambda: ready, 60))

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    with changed.lock:
        ready = True
        changed.notify_all()
    for thread in threads:
        thread.join()
    assert awake == [True] * 4


def test_a_wait_ends_after_its_time() -> None:
    changed, event = Condition(), Event()
    start = time.monotonic()
    with changed.lock:
        assert not changed.wait(0.02)
        assert not changed.wait_for(lambda: False, 0.02)
        changed.notify_all()  # nobody is left who waits
    assert not event.wait(0.02)
    assert time.monotonic() - start >= 0.06


def test_a_wait_ends_where_the_clock_of_an_app_stands_still(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As that of freezegun does: the exit of the process would wait forever."""
    for name in ("time", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, lambda: 1.0)
    (tmp_path / "file").touch()
    monitor = configure(log_dir=tmp_path / "file" / "logs", strict=False)
    with CanvasSyncMetricsTracker("t1", 42):
        pass
    assert not Event().wait(0.02)
    assert not monitor.flush(0.02)
    monitor.shutdown(0.02)


def test_an_event_stays_set_until_it_is_cleared() -> None:
    event = Event()
    event.set()
    assert event.wait()
    assert event.is_set()
    event.clear()
    assert not event.wait(0)


def test_a_signal_handler_may_use_a_lock_that_the_interrupted_code_holds() -> None:
    changed, calls = Condition(), []

    def handle(_number: int, _frame: object) -> None:
        with changed.lock:
            calls.append("handler")
            changed.notify_all()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with changed.lock:
            signal.raise_signal(signal.SIGUSR1)
            calls.append("main")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert calls == ["handler", "main"]
