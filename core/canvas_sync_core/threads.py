"""Background threads: real ones, or greenlets where threads are patched; none where none can be."""

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
    """A background thread, for which no exit waits.

    Make it known to others before :meth:`start`: the app's code may run inside it, from a signal
    handler or a finalizer, and would start another one.

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
        """Start it; tell whether that was possible.

        It is not where the system has no room for a thread, where the interpreter ends (in Python
        3.12 that includes exit handlers), and in a process that uWSGI is about to fork.
        """
        # Once Python has begun to end, Thread.start() of 3.11 would wait for ever.
        if sys.is_finalizing() or _is_before_fork_of_uwsgi():
            return False
        self._is_real = not is_green()
        try:
            if not is_patched():
                run = self._run_as_thread
                threading.Thread(target=run, name=self._name, daemon=True).start()
            elif self._is_real:  # a greenlet would wait for a loop that this thread has not
                start_real_thread(self._run)
            else:  # Thread.start() would let other greenlets run in the middle of the app's code
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
        """Whether it is a real thread, and the caller could start a greenlet in its place.

        Locks that the app's greenlets use are not safe for it any more, those of :mod:`logging` for
        instance: let it end, and a new one take its place.
        """
        return self._is_real and is_green()

    def join(self, timeout: float | None = None) -> bool:
        """Wait at most ``timeout`` seconds for its end; tell whether it has ended."""
        return self._ended.wait(timeout)

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set()

    def _run_as_thread(self) -> None:
        self._run()
        if is_patched():
            # Never returns: Thread would look for itself under the identity that greenlets have.
            Event().wait()


def start_daemon(work: Callable[[], object], name: str) -> Daemon | None:
    """Start a background thread; None where that is not possible."""
    daemon = Daemon(work, name)
    return daemon if daemon.start() else None


def _is_before_fork_of_uwsgi() -> bool:
    """Tell whether this is a process that uWSGI forks, rather than one of those that it forked.

    uWSGI calls fork(2) without Python's knowledge. If another thread waits for the interpreter's
    lock at that moment, the child waits for that thread for ever.
    """
    uwsgi: Any = sys.modules.get("uwsgi")
    if not isinstance(getattr(uwsgi, "worker_id", None), BuiltinFunctionType):
        return False  # it is no module of uWSGI's own, or there is none
    return not (uwsgi.worker_id() or uwsgi.mule_id() or uwsgi.i_am_the_spooler())
