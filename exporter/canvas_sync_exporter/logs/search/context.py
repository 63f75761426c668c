"""The lines of all logs around a line, by time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import islice
from pathlib import Path

from .filters import LineFilter
from .matching import FoundLine
from .order import Order
from .positions import encode_cursor
from .search import LogSearch

__all__ = ["LineContext", "line_context"]


@dataclass(frozen=True, slots=True)
class LineContext:
    """The lines around a line, oldest first.

    Attributes:
        before: Those before it.
        after: Those after it.
        is_complete: Whether the time limit allowed to search for all of them.
        problems: Which files cannot be read, and why.
    """

    before: list[FoundLine]
    after: list[FoundLine]
    is_complete: bool
    problems: list[str]


def line_context(
    log_dir: Path,
    archive_dir: Path,
    line: FoundLine,
    wanted: LineFilter,
    *,
    before: int,
    after: int,
    seconds: float,
    zone: dt.tzinfo = dt.UTC,
) -> LineContext:
    """Find the lines around a line. Those of its own log are in the order of the file.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        line: The line.
        wanted: Which lines; without times.
        before: Maximum number of lines before it.
        after: Maximum number of lines after it.
        seconds: Time limit.
        zone: Time zone of the times in human-readable lines.

    Raises:
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """
    search = partial(LogSearch, log_dir, archive_dir, seconds=seconds / 2, zone=zone)
    older = _neighbours(search, line, wanted, Order.NEWEST, before)
    newer = _neighbours(search, line, wanted, Order.OLDEST, after)
    return LineContext(
        before=older.lines[::-1],
        after=newer.lines,
        is_complete=older.is_complete and newer.is_complete,
        problems=list(dict.fromkeys(older.problems + newer.problems)),
    )


@dataclass(frozen=True, slots=True)
class _Neighbours:
    lines: list[FoundLine]
    is_complete: bool
    problems: list[str]


def _neighbours(
    search: Callable[..., LogSearch], line: FoundLine, wanted: LineFilter, order: Order, limit: int
) -> _Neighbours:
    """Find the lines on one side of a line, the nearest first."""
    with ExitStack() as opened:
        searches = [
            opened.enter_context(closing(search(each, limit=limit, order=order, cursor=cursor)))
            for each, cursor in _searches(line, wanted, order)
        ]
        is_back = order is Order.NEWEST
        lines = list(islice(merge(*searches, key=_time, reverse=is_back), limit))
        has_all = len(lines) == limit or all(each.cursor is None for each in searches)
        return _Neighbours(
            lines, has_all, [text for each in searches for text in each.notes.problems]
        )


def _searches(
    line: FoundLine, wanted: LineFilter, order: Order
) -> Iterator[tuple[LineFilter, str | None]]:
    """Return what to search, and from where: its own log by place, the others by time."""
    is_back = order is Order.NEWEST
    if line.log in wanted.logs:
        start = {line.log: line.before if is_back else line.after}
        yield replace(wanted, logs=(line.log,)), encode_cursor(order, start)
    if others := tuple(log for log in wanted.logs if log is not line.log):
        since, until = (None, line.time) if is_back else (line.time, None)
        yield replace(wanted, logs=others, since=since, until=until), None


def _time(line: FoundLine) -> dt.datetime:
    return line.time
