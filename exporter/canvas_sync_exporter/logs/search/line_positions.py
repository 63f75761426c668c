"""Positions of single lines: permalinks that survive rotation and archiving.

A line is found again by its log, its time and the hash of its bytes, wherever it is. Its offset
only tells equal lines of the same time apart.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from canvas_sync_core.names import Log

from .filters import LineFilter
from .matching import FoundLine
from .order import Order
from .search import LogSearch
from .url_text import decode_text, encode_text

__all__ = [
    "BadPositionError",
    "LineGoneError",
    "LineNotFoundError",
    "LinePosition",
    "locate",
]

_MICROSECOND: Final = dt.timedelta(microseconds=1)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOST_EQUAL: Final = 1000
_HELP: Final = "use the `position` of a line"


class BadPositionError(ValueError):
    """A text is not the position of a line."""


class LineNotFoundError(LookupError):
    """A line is not in the logs, though they reach back to its time."""


class LineGoneError(LineNotFoundError):
    """A line has been deleted: its log starts after its time."""


class LinePosition(msgspec.Struct, frozen=True, array_like=True):
    """The position of a line.

    Attributes:
        log: Its log.
        microseconds: When it was written, since the Unix epoch.
        digest: The hash of its bytes.
        start: Offset of its start in the file that it was found in.
    """

    log: Log
    microseconds: int
    digest: bytes
    start: int

    @classmethod
    def of(cls, line: FoundLine) -> LinePosition:
        """Return the position of a line."""
        return cls(line.log, (line.time - _EPOCH) // _MICROSECOND, line.digest, line.start)

    @classmethod
    def decode(cls, text: str) -> LinePosition:
        """Decode the text of :meth:`encode`.

        Raises:
            BadPositionError: The text is invalid.
        """
        try:
            position = decode_text(text, cls)
            _ = position.time + _MICROSECOND
        except (ValueError, OverflowError):
            raise BadPositionError(_HELP) from None
        return position

    def encode(self) -> str:
        """Encode it as text that is safe in a URL."""
        return encode_text(self)

    @property
    def time(self) -> dt.datetime:
        """When the line was written."""
        return _EPOCH + self.microseconds * _MICROSECOND


def locate(
    log_dir: Path,
    archive_dir: Path,
    position: LinePosition,
    *,
    seconds: float,
    zone: dt.tzinfo = dt.UTC,
) -> FoundLine:
    """Find a line again.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        position: The position of the line.
        seconds: Time limit.
        zone: Time zone of the times in human-readable lines.

    Raises:
        LineGoneError: It has been deleted.
        LineNotFoundError: It is not there, or was not found within the time limit.
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """
    search = partial(LogSearch, log_dir, archive_dir, seconds=seconds, zone=zone)
    wanted = LineFilter(
        logs=(position.log,), since=position.time, until=position.time + _MICROSECOND
    )
    with closing(search(wanted, limit=_MOST_EQUAL)) as found:
        line = _choose(found, position)
        if line is not None:
            return line
        if found.cursor is not None:
            raise LineNotFoundError(f"It was not found within {seconds:g} seconds.")
        problems = found.notes.problems
    with closing(search(LineFilter(logs=wanted.logs), limit=1, order=Order.OLDEST)) as rest:
        if _is_after(rest, position.time):
            raise LineGoneError(f"The log {position.log.value} now begins after it.")
    raise LineNotFoundError(" ".join(["There is no such line any more.", *problems]))


def _choose(found: LogSearch, position: LinePosition) -> FoundLine | None:
    other = None
    for line in found:
        if line.digest == position.digest:
            if line.start == position.start:
                return line
            other = line
    return other


def _is_after(rest: LogSearch, time: dt.datetime) -> bool:
    oldest = next(iter(rest), None)
    return oldest.time > time if oldest else rest.cursor is None
