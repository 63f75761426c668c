"""Background threads: real ones, or greenlets if threads are patched, or none if impossible."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

from .asynchronous import raise_if_asynchronous
from .locks import Event, is_green, is_patched, start_real_thread

__all__ = ["Daemon", "start_daemon"]


class Daemon:
    """A background thread that no exit waits for.

    Store it where others find it before calling :meth:`start`: the app's code may run during
    ``start``, in a signal handler or a finalizer, and would otherwise start another thread.

    Args:
        work: What it does.
        name: The name of the thread.
    """

    def __init__(self, work: Callable[[], object], name: str) -> None:
        self._work = work
        self._name = name
        self._is_real = True
        self._ended = Event()

    def start(self) -> bool:
        """Start it; return whether that was possible.

        It is not possible if the system cannot start more threads, while the interpreter shuts down
        (in Python 3.12 that includes exit handlers), and in a process that uWSGI is about to fork.
        """
        # During interpreter shutdown, Thread.start() of Python 3.11 would wait forever.
        if sys.is_finalizing() or _is_before_fork_of_uwsgi():
            return False
        self._is_real = not is_green()
        try:
            if not is_patched():
                run = self._run_as_thread
                threading.Thread(target=run, name=self._name, daemon=True).start()
            elif self._is_real:  # a greenlet would need an event loop in this thread
                start_real_thread(self._run)
            else:  # Thread.start() would switch to other greenlets in the middle of the app's code
                _thread.start_new_thread(self._run, ())
        except RuntimeError as error:
            raise_if_asynchronous(error)
            return False
        return True

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended; also before it is started."""
        return not self._ended.is_set()

    @property
    def is_outdated(self) -> bool:
        """Whether it is a real thread that the caller should replace with a greenlet.

        It can no longer safely use locks that the app's greenlets use, such as those of
        :mod:`logging`: let it end, and start a new one.
        """
        return self._is_real and is_green()

    def join(self, timeout: float | None = None) -> bool:
        """Wait at most ``timeout`` seconds for its end; return whether it has ended."""
        return self._ended.wait(timeout)

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set()

    def _run_as_thread(self) -> None:
        self._run()
        if is_patched():
            # Never returns normally: Thread would look itself up by the identity of a greenlet.
            Event().wait()


def start_daemon(work: Callable[[], object], name: str) -> Daemon | None:
    """Start a background thread; None where that is not possible."""
    daemon = Daemon(work, name)
    return daemon if daemon.start() else None


def _is_before_fork_of_uwsgi() -> bool:
    """Return whether this is uWSGI's master process, which will be forked.

    uWSGI calls fork(2) without Python's knowledge. If another thread is waiting for the GIL at that
    time, the child waits for that thread forever.
    """
    uwsgi: Any = sys.modules.get("uwsgi")
    if not isinstance(getattr(uwsgi, "worker_id", None), BuiltinFunctionType):
        return False  # it is not uWSGI's own module, or there is none
    return not (uwsgi.worker_id() or uwsgi.mule_id() or uwsgi.i_am_the_spooler())
