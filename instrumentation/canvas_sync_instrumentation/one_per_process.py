"""One instance for each process, which follows forks and is shut down at the end of the process."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from canvas_sync_core.identifiers import getpid
from canvas_sync_core.locks import RLock

__all__ = ["OnePerProcess"]

_is_finalizing: Final = sys.is_finalizing
_LAST: Final = -100
"""multiprocessing runs finalizers in order of descending priority."""


class _Forkable(Protocol):
    """What has to act around a fork."""

    def before_fork(self) -> None: ...

    def after_fork_in_parent(self) -> None: ...

    def after_fork_in_child(self) -> None: ...


_T = TypeVar("_T", bound=_Forkable)


class OnePerProcess(Generic[_T]):
    """The instance of this process, if there is one.

    It is reset where the other threads are gone with everything they held: in a forked child, and
    during interpreter shutdown. Python does not notice forks by C code, such as uWSGI's, so they
    are detected at the next call.

    Args:
        shutdown: Called at the end of a process that had an instance.

    Attributes:
        lock: Held while the instance changes.
        instance: The instance, which may be one of the parent process: see :meth:`current`.
        pinned: The instance that must not be replaced, if any.
    """

    def __init__(self, shutdown: Callable[[], None]) -> None:
        self.lock = RLock()
        self.instance: _T | None = None
        self.pinned: _T | None = None
        self._shutdown = shutdown
        self._pid = getpid()
        self._is_ending = sys.is_finalizing()
        self._has_exit_hooks = False
        self._is_known_to_multiprocessing = False

    def current(self) -> _T | None:
        """Return the instance, if there is one, after a fork that was not noticed is handled."""
        if self._pid != getpid() or self._is_ending is not _is_finalizing():
            self._after_fork_in_child()
        return self.instance

    def install(self, instance: _T) -> _T | None:
        """Make ``instance`` the current one and return the previous one."""
        with self.lock:
            before, self.instance = self.instance, instance
            if not self._has_exit_hooks:
                self._has_exit_hooks = True
                atexit.register(self._shutdown)
                os.register_at_fork(
                    before=self._before_fork,
                    after_in_parent=self._after_fork_in_parent,
                    after_in_child=self._after_fork_in_child,
                )
            self._end_with_multiprocessing()
        return before

    def _before_fork(self) -> None:
        if self.instance is not None:
            self.instance.before_fork()

    def _after_fork_in_parent(self) -> None:
        if self.instance is not None:
            self.instance.after_fork_in_parent()

    def _after_fork_in_child(self) -> None:
        self.lock = RLock()
        self._pid = getpid()
        self._is_ending = sys.is_finalizing()
        if self.instance is not None:
            self.instance.after_fork_in_child()
        self._end_with_multiprocessing()

    def _end_with_multiprocessing(self) -> None:
        """Shut down at the end of a multiprocessing child too, which skips exit handlers."""
        util = sys.modules.get("multiprocessing.util")
        if util is None or self._is_known_to_multiprocessing:
            return
        self._is_known_to_multiprocessing = True
        util.Finalize(None, self._shutdown, exitpriority=_LAST)
        # A child drops the finalizers that were registered before it started.
        util.register_after_fork(
            self, lambda _: util.Finalize(None, self._shutdown, exitpriority=_LAST)
        )
