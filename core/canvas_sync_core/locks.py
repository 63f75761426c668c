"""Locks, conditions and events that work in threads and in greenlets alike.

gevent and eventlet replace the contents of :mod:`threading`, before this package is imported or at
any time later. A lock created before that blocks the whole process when a greenlet waits for it,
and one of theirs is not safe between real threads. The locks here are always the interpreter's own.
A greenlet that has to wait for one polls and sleeps in between, so that other greenlets can run.
"""

from __future__ import annotations

import _thread
import math
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from types import BuiltinFunctionType, TracebackType
from typing import Any, Final, Protocol, Self

from .clock import monotonic

__all__ = ["Condition", "Event", "Lock", "RLock", "is_green", "is_patched", "start_real_thread"]

_FIRST_PAUSE_S: Final = 0.001
_LONGEST_PAUSE_S: Final = 0.05


class _RawLock(Protocol):
    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...


def _own_thread_module() -> Any:
    """Load a second copy of the built-in module, in which nothing has been replaced."""
    spec = BuiltinImporter.find_spec("_thread")
    assert spec is not None  # noqa: S101 - every Python has threads
    assert spec.loader is not None  # noqa: S101 - it is BuiltinImporter
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_own: Final = _own_thread_module()

RLock: Final[Callable[[], Any]] = _own.RLock
"""A reentrant lock for short work.

It does not exclude greenlets of the same thread from each other. While holding it, do nothing
that lets another greenlet run: do not sleep, log, start a thread or use a socket.
"""


def is_patched() -> bool:
    """Return whether gevent or eventlet has replaced the functions that start threads."""
    return not isinstance(_thread.start_new_thread, BuiltinFunctionType)


def is_green() -> bool:
    """Return whether greenlets take the place of threads in the calling thread.

    That is the main thread. Others, such as those of a pool for blocking work, are real threads.
    """
    return is_patched() and bool(_own.get_native_id() == os.getpid())


def start_real_thread(work: Callable[[], object]) -> None:
    """Start a real thread even if threads are patched.

    Raises:
        RuntimeError: The system cannot start another thread.
    """
    _own.start_new_thread(work, ())


def _acquire(lock: _RawLock, timeout: float | None) -> bool:
    if not is_green():
        return lock.acquire(True, -1 if timeout is None else max(0.0, timeout))
    deadline = math.inf if timeout is None else monotonic() + timeout
    pause = _FIRST_PAUSE_S
    while not lock.acquire(False):
        left = deadline - monotonic()
        if left <= 0.0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    return True


class Lock:
    """A lock between threads and greenlets that may be held for long; not reentrant."""

    def __init__(self) -> None:
        self._lock = _own.allocate_lock()

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for the lock, at most ``timeout`` seconds; return whether it was acquired."""
        return _acquire(self._lock, timeout)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class Condition:
    """A condition variable.

    Attributes:
        lock: The lock to hold. Callers enter it directly: if a signal handler raised in the middle
            of an ``__enter__`` or ``__exit__`` written in Python, it would stay locked forever.
    """

    def __init__(self) -> None:
        self.lock: Any = RLock()
        self._waiters: deque[Any] = deque()

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock until notified, at most ``timeout`` seconds; return whether notified."""
        waiter = _own.allocate_lock()
        waiter.acquire()
        self._waiters.append(waiter)
        state = self.lock._release_save()  # as threading.Condition does it
        try:
            return _acquire(waiter, timeout)
        finally:
            self.lock._acquire_restore(state)
            with suppress(ValueError):  # notified
                self._waiters.remove(waiter)

    def wait_for(self, predicate: Callable[[], object], timeout: float | None = None) -> bool:
        """Wait until ``predicate`` is true, at most ``timeout`` seconds; return its last value."""
        deadline = math.inf if timeout is None else monotonic() + timeout
        while not predicate():
            left = deadline - monotonic()
            if left <= 0.0:
                return bool(predicate())
            self.wait(None if timeout is None else left)
        return True

    def notify_all(self) -> None:
        """Wake up all waiters; call it with the lock held."""
        while self._waiters:
            self._waiters.popleft().release()


class Event:
    """A flag to wait for."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._is_set = False

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return self._is_set

    def set(self) -> None:
        """Set the flag and wake up all waiters."""
        with self._changed.lock:
            self._is_set = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Clear the flag."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is set, at most ``timeout`` seconds; return whether it is."""
        with self._changed.lock:
            return self._changed.wait_for(self.is_set, timeout)
