"""Folds metric files of dead processes in new processes, so that their number stays bounded.

The exporter folds them at each scrape. Where none runs, every process that ever lived would leave
its files behind.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.locks import is_patched
from canvas_sync_core.threads import Daemon, start_daemon

if TYPE_CHECKING:
    from .metric_directory import MetricDirectory

__all__ = ["MOST_FILES", "CrowdedDirectory"]

MOST_FILES: Final = 1200
"""A folder with more files is crowded. A process has up to seven."""
_AT_ONCE: Final = 2400
"""How many metric files one process folds, so that it takes a fraction of a second."""

_logger = app_logger(__name__)


class CrowdedDirectory:
    """Folds once, in a thread, if a folder is crowded and nobody else is folding it.

    A kill in the middle of it loses nothing, and the next process continues.

    Args:
        folder: The folder of the metric files.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder
        self._folding: MetricDirectory | None = None
        self._thread: Daemon | None = None

    def relieve(self) -> None:
        """Start to fold if the folder is crowded.

        Greenlets would all wait for it, so their processes leave it to others.
        """
        if not _is_crowded(self._path) or is_patched():
            return
        from .metric_directory import MetricDirectory  # noqa: PLC0415 - rarely needed
        from .sample_keys import SampleKeys  # noqa: PLC0415 - as above

        self._folding = MetricDirectory(self._path, SampleKeys())
        self._thread = start_daemon(self._fold, "canvas-sync-fold")

    def wait(self, timeout: float) -> None:
        """Wait until that is done: the processes of cron jobs end soon after they have started."""
        if self._thread is not None:
            self._thread.join(timeout)

    def after_fork_in_child(self) -> None:
        """In a forked child: leave folding to the parent."""
        if self._folding is not None:
            self._folding.after_fork_in_child()
        self._folding = self._thread = None

    def _fold(self) -> None:
        try:
            if self._folding is not None:
                self._folding.fold(most=_AT_ONCE, timeout=0.0)
        except (CanvasSyncMonitorError, OSError) as error:
            # Another process folds, or the exporter will say what is wrong.
            raise_if_asynchronous(error)
        except Exception as error:
            raise_if_asynchronous(error)
            _logger.exception("Metric files in %s cannot be folded.", self._path)


def _is_crowded(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in islice(entries, MOST_FILES, None))
    except OSError as error:  # there is no folder yet
        raise_if_asynchronous(error)
        return False
