"""Searches the five logs in either direction, over live files, backups and archives."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.irregular_files import irregular_files
from canvas_sync_exporter.logs.sources import sources

from .filters import LineFilter
from .log_scan import LogScan
from .matching import FoundLine, SearchNotes
from .order import Order
from .positions import Position, decode_cursor, encode_cursor

__all__ = ["LogSearch"]

_ATTEMPTS: Final = 5
_PROGRESS_SECONDS: Final = 0.05  # what is left is added up over all files


class LogSearch:
    """A search; iterate over it for the lines, then read its other attributes.

    It reads no further than necessary: each log only as far back as the others.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        wanted: The filters.
        limit: Maximum number of lines.
        order: Which lines come first.
        cursor: :attr:`cursor` of an earlier search with the same filters and order, to continue
            from there.
        seconds: Time limit; None for unlimited.
        on_progress: Called regularly with the number of bytes searched or skipped, and the total.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        notes: What could not be read so far.
        ends: Log -> its newest file and the offset after its newest line when the search started.
        end_positions: Log -> the position after its newest line at that time.

    Raises:
        BadCursorError: ``cursor`` was not created by a search.
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """

    def __init__(
        self,
        log_dir: Path,
        archive_dir: Path,
        wanted: LineFilter,
        *,
        limit: int,
        order: Order = Order.NEWEST,
        cursor: str | None = None,
        seconds: float | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
        zone: dt.tzinfo = dt.UTC,
    ) -> None:
        self.notes = SearchNotes()
        self._limit = limit
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._order = order
        positions = None if cursor is None else decode_cursor(cursor, order)
        self._on_progress = on_progress
        self._next_progress = 0.0
        self._zone = zone
        self._opened = ExitStack()
        self._scans = self._open(log_dir, archive_dir, wanted, positions)
        self._total = self.bytes_left
        self.end_positions = {log: scan.end_position for log, scan in self._scans.items()}
        self.ends = {log: scan.end for log, scan in self._scans.items() if scan.end}

    @property
    def cursor(self) -> str | None:
        """Where to continue after the lines were read; None if there are no more."""
        positions = {log: scan.position for log, scan in self._scans.items()}
        left = {log: position for log, position in positions.items() if position}
        return encode_cursor(self._order, left) if left else None

    def __iter__(self) -> Iterator[FoundLine]:
        given = 0
        advanced: set[LogScan] = set()
        while given < self._limit:
            scan = self._next_scan()
            if scan is None:
                self._show_progress()
                return
            if scan.has_found:
                yield scan.take()
                given += 1
            elif scan in advanced and self._is_late:
                return
            else:
                # Each log advances at least once, so that a client that returns with a cursor gets
                # further even if a busy machine uses up the time before the first block is read.
                advanced.add(scan)
                scan.advance()
                if time.monotonic() >= self._next_progress:
                    self._show_progress()

    def _next_scan(self) -> LogScan | None:
        """Return the log that is behind the others; None when all have been searched."""
        first = max if self._order is Order.NEWEST else min
        open_scans = (scan for scan in self._scans.values() if not scan.is_done)
        return first(open_scans, key=lambda scan: scan.time, default=None)

    @property
    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def searched_to(self) -> dt.datetime | None:
        """The time up to which all logs have been searched; None at the start and at the end."""
        scan = self._next_scan()
        return scan.time if scan is not None and scan.has_started else None

    @property
    def bytes_left(self) -> int:
        """Number of bytes that have not been searched yet; estimated for compressed files."""
        return sum(scan.left for scan in self._scans.values())

    def _show_progress(self) -> None:
        self._next_progress = time.monotonic() + _PROGRESS_SECONDS
        self._on_progress(self._total - self.bytes_left, self._total)

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def _open(
        self,
        log_dir: Path,
        archive_dir: Path,
        wanted: LineFilter,
        positions: Mapping[Log, Position] | None,
    ) -> dict[Log, LogScan]:
        for attempt in range(1, _ATTEMPTS + 1):
            self.notes.problems.clear()
            try:
                return self._open_all(log_dir, archive_dir, wanted, positions)
            except FileNotFoundError:  # archived between listing and opening: list again
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("not reached")

    def _open_all(
        self,
        log_dir: Path,
        archive_dir: Path,
        wanted: LineFilter,
        positions: Mapping[Log, Position] | None,
    ) -> dict[Log, LogScan]:
        found = sources(log_dir, archive_dir)
        self.notes.problems += irregular_files(log_dir, archive_dir)
        scans: dict[Log, LogScan] = {}
        with ExitStack() as opened:
            for log in wanted.logs:
                if positions is not None and log not in positions:
                    continue
                files = [source for source in found if source.log is log]
                scan = LogScan(
                    log,
                    files,
                    wanted,
                    self._limit,
                    self.notes,
                    order=self._order,
                    zone=self._zone,
                )
                scans[log] = opened.enter_context(closing(scan))
                if positions is not None:
                    scan.resume(positions[log])
            self._opened = opened.pop_all()
        return scans
