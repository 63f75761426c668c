"""Adds up a folder of metric files, and folds those of dead processes into one state file.

Several exporters may share a folder, and a new process folds too if it finds many files. A fold
holds the folder's lock exclusively, readers share it, so no one ever sees a value both in the state
and in its file, or in neither.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.files.durability import sync_folder
from canvas_sync_core.files.locking import try_lock, unlock
from canvas_sync_core.files.modes import open_shared

from .folded_state import FoldedState, StateFile, no_failpoint
from .layout import exemplar_file_name, parse_file_name
from .reading import FileReader, Reading, is_dead
from .sample_keys import SampleKeys
from .totals import LIVE_KINDS, PER_PROCESS_KIND, MetricTotals

__all__ = ["MetricDirectory"]

_LOCK_NAME: Final = "fold.lock"
_LOCK_TIMEOUT: Final = 10.0
_LOCK_PAUSE: Final = 0.002

_logger = app_logger(__name__)


class MetricDirectory:
    """The metric files of all processes, live and dead. Not thread-safe.

    Args:
        folder: The folder of the metric files.
        keys: Parses and caches keys.
        failpoint: Called after each step of a fold.

    Attributes:
        broken_files: Number of broken files found so far.
    """

    def __init__(
        self, folder: Path, keys: SampleKeys, failpoint: Callable[[str], None] = no_failpoint
    ) -> None:
        self._folder = folder
        self._reader = FileReader(folder, keys)
        self._state = StateFile(folder, keys)
        self._on_step = failpoint
        self._broken: set[str] = set()
        self._lock: int | None = None
        self.broken_files = 0

    @property
    def recoveries(self) -> int:
        """Number of times that the state had to be read from its second copy."""
        return self._state.recoveries

    def needs_fold(self) -> bool:
        """Return whether there are files of dead processes, or a damaged copy of the state."""
        if self._state.damaged:
            return True
        return any(is_dead(self._folder / name) for name in self._reader.names())

    def read(self) -> MetricTotals:
        """Add up the state and the files that it does not contain.

        Raises:
            StateDamagedError: The state cannot be read.
            OSError: The folder cannot be read, or its lock cannot be acquired.
        """
        with self._locked(shared=True):
            state = self._state.load()
            totals = _totals(state)
            for reading in self._read_all(state):
                _absorb(totals, reading)
        return totals

    def fold(self, *, most: int | None = None, timeout: float = _LOCK_TIMEOUT) -> int:
        """Move the values of dead processes into the state and delete their files.

        A crash at any time loses nothing and counts nothing twice: the state lists the files that
        it contains until they are gone. A broken file is renamed to ``<name>.broken``, and its last
        good values are counted.

        Args:
            most: Maximum number of metric files; None means all.
            timeout: Seconds to wait for the folder's lock.

        Returns:
            Number of folded metric files.

        Raises:
            StateDamagedError: The state cannot be read; nothing was changed.
            OSError: The state cannot be written; nothing was lost.
        """
        with self._locked(shared=False, timeout=timeout):
            state = self._state.load()
            totals = _totals(state)
            dead = self._absorb_dead(state, totals, most)
            present = [name for name in state.sources if (self._folder / name).exists()]
            if dead or present or self._state.damaged:
                sources = [*present, *dead, *_exemplar_files(dead)]
                # Earlier removals must be durable before their names are removed from the list of
                # sources.
                sync_folder(self._folder)
                state = FoldedState(totals.values, totals.exemplars, sources)
                self._state.save(state, self._on_step)
                self._remove(sources)
        return len(dead)

    def after_fork_in_child(self) -> None:
        """In a forked child: close the inherited lock, which would outlive the parent's fold."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _absorb_dead(self, state: FoldedState, totals: MetricTotals, most: int | None) -> list[str]:
        names = (name for name in self._unfolded(state) if is_dead(self._folder / name))
        dead = []
        for reading in self._read_each(islice(names, most)):
            if reading.dead:
                _absorb(totals, reading)
                dead.append(reading.name)
        return dead

    def _read_all(self, state: FoldedState) -> Iterator[Reading]:
        names = self._unfolded(state)
        self._reader.forget_all_but(set(names))
        return self._read_each(names)

    def _unfolded(self, state: FoldedState) -> list[str]:
        sources = set(state.sources)
        return [name for name in self._reader.names() if name not in sources]

    def _read_each(self, names: Iterable[str]) -> Iterator[Reading]:
        for name in names:
            reading = self._reader.read(name)
            if reading is not None:
                self._note_broken(reading)
                yield reading

    def _note_broken(self, reading: Reading) -> None:
        if reading.broken is None:
            self._broken.discard(reading.name)
        elif reading.name not in self._broken:
            self._broken.add(reading.name)
            self.broken_files += 1
            _logger.error(
                "The metric file %s is broken: %s. The values it had before are used.",
                self._folder / reading.name,
                reading.broken,
            )

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._folder / name
            if name in self._broken:
                path.replace(path.with_name(f"{name}.broken"))
            else:
                path.unlink(missing_ok=True)
            self._on_step(f"removed {name}")

    @contextmanager
    def _locked(self, *, shared: bool, timeout: float = _LOCK_TIMEOUT) -> Iterator[None]:
        """Hold the folder's lock, with a timeout in case a stopped process holds it."""
        path = self._folder / _LOCK_NAME
        fd = self._lock = open_shared(path, os.O_RDWR)
        try:
            if not try_lock(fd, timeout, shared=shared, poll_seconds=_LOCK_PAUSE):
                raise TimeoutError(f"another process has held {path} for {timeout:g} s")
            yield
        finally:
            self._lock = None
            unlock(fd)  # a child that was forked meanwhile may have it open, too
            os.close(fd)


def _totals(state: FoldedState) -> MetricTotals:
    values = {kind: dict(samples) for kind, samples in state.values.items()}
    return MetricTotals(values, dict(state.exemplars))


def _absorb(totals: MetricTotals, reading: Reading) -> None:
    if reading.kind != PER_PROCESS_KIND and not (reading.dead and reading.kind in LIVE_KINDS):
        totals.merge(reading.kind, reading.keys, reading.values)
        totals.merge_exemplars(reading.exemplars)


def _exemplar_files(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parsed = parse_file_name(name)
        if parsed is not None and parsed[0] == "histogram":
            yield exemplar_file_name(parsed[1])
