"""The lines of one run in the logs.

Lines have the run's trace and task id. Those of the text format do not, so they belong to no run
here. Only the part of the logs from the time of the run is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.identifiers import host_name
from canvas_sync_core.names import Log
from canvas_sync_core.store.runs import RunRow
from canvas_sync_exporter.settings import Configuration

from .search import FoundLine, LineFilter, LogSearch, Order

__all__ = ["LinePage", "RunLogs", "time_of_lines"]

_BEFORE: Final = dt.timedelta(seconds=1)
_AFTER: Final = dt.timedelta(minutes=10)
"""The exporter writes lines about a run after its end: that it was interrupted, or is suspect."""
_SECONDS: Final = 1.0
_PAGE_BYTES: Final = 4 * 1024 * 1024
_LINES_OF_OTHERS: Final = 20
"""Exporters of other hosts write fewer lines than this about a run."""


@dataclass(frozen=True, slots=True)
class LinePage:
    """Lines of a run, and how far the logs were searched.

    Attributes:
        items: The lines. There may be fewer than ``limit``, or none, although there is a ``next``.
        next: Where to continue; None when there are no more.
        searched_to: The time up to which all logs have been searched; None after the last page.
        bytes_left: Number of bytes not searched yet.
        unreadable_lines: Number of lines that may be of the run but are unreadable.
        problems: Files that cannot be read, and that the lines are on another host.
    """

    items: list[FoundLine]
    next: str | None
    searched_to: dt.datetime | None
    bytes_left: int
    unreadable_lines: int
    problems: list[str]


class RunLogs:
    """Reads what the logs say about a run.

    All methods raise ``LogFolderError`` or ``OSError`` if the logs cannot be read, and
    ``BadCursorError`` for a cursor that they did not return.

    Args:
        config: Where the logs are, and the exporters of other hosts.
    """

    def __init__(self, config: Configuration) -> None:
        self._folders = config.app.log_dir, config.archive_folder
        self._zone = config.app.timezone
        self._hosts = config.file.hosts

    def lines(
        self,
        run: RunRow,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = Order.OLDEST,
        logs: Sequence[Log] = tuple(Log),
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        seconds: float = _SECONDS,
    ) -> LinePage:
        """Read lines of a run from some logs.

        Args:
            run: The run.
            limit: Maximum number of lines.
            cursor: ``next`` of the previous page, with the same arguments.
            order: Which lines come first.
            logs: Only lines of these logs.
            since: Only lines at or after this time.
            until: Only lines before this time.
            seconds: How long to search.
        """
        search = LogSearch(
            *self._folders,
            _filter(run, logs, since, until),
            limit=limit,
            order=order,
            cursor=cursor,
            seconds=seconds,
            zone=self._zone,
        )
        with closing(search):
            found = list(_up_to_size(search))
            is_whole = cursor is None and search.cursor is None
            is_elsewhere = (
                is_whole and not _has_line_of_host(run, found) and self.are_elsewhere(run)
            )
            return LinePage(
                items=found,
                next=search.cursor,
                searched_to=search.searched_to,
                bytes_left=search.bytes_left,
                unreadable_lines=search.notes.unreadable_lines,
                problems=[*search.notes.problems, *([self._where(run)] if is_elsewhere else [])],
            )

    def are_elsewhere(self, run: RunRow) -> bool:
        """Return whether a run was on another host that does not share this log folder.

        Containers share the folder of their exporter, although each has its own host name.
        """
        if run.host in ("", host_name()):
            return False
        search = LogSearch(
            *self._folders,
            _filter(run, tuple(Log)),
            limit=_LINES_OF_OTHERS,
            order=Order.OLDEST,
            seconds=_SECONDS,
            zone=self._zone,
        )
        with closing(search):
            return not _has_line_of_host(run, search) and search.cursor is None

    def _where(self, run: RunRow) -> str:
        address = self._hosts.get(run.host)
        there = "" if address is None else f": {address}"
        return f"The run was on {run.host}, and its lines are in the log folder there{there}"


def time_of_lines(run: RunRow) -> tuple[dt.datetime, dt.datetime | None]:
    """Return from when to when a run may have lines; None while it runs."""
    start, end = run.sync_start_time, run.sync_end_time
    return start - _BEFORE, None if end is None else max(end, start) + _AFTER


def _filter(
    run: RunRow,
    logs: Sequence[Log],
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> LineFilter:
    first, last = time_of_lines(run)
    return LineFilter(
        logs=tuple(logs),
        task_id=run.sync_task_id,
        trace_id=run.trace_id,
        since=max(filter(None, (first, since))),
        until=min(filter(None, (last, until)), default=None),
    )


def _has_line_of_host(run: RunRow, lines: Iterable[FoundLine]) -> bool:
    """Return whether a line was written on the host of the run."""
    return any(line.fields.get("host") == run.host for line in lines)


def _up_to_size(lines: Iterable[FoundLine]) -> Iterator[FoundLine]:
    size = 0
    for line in lines:
        yield line
        size += line.end - line.start
        if size >= _PAGE_BYTES:
            return
