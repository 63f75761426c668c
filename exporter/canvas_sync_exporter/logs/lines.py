"""Parses lines in either format, even if a crash left fragments.

A line is a JSON object or, in the text format, only the human-readable line. The formats may be
mixed. If a killed process left a prefix, the next whole line follows it without a newline: that
line is read from its beginning, and the prefix counts as unreadable.
"""

from __future__ import annotations

import datetime as dt
import re
from codecs import BOM_UTF8
from typing import Annotated, Final, Generic, TypeVar

import msgspec

from canvas_sync_core.names import Log

from .reader import Block

__all__ = ["STAMP", "LineReader", "Moment"]

Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
"""A point in time; a line with a time without a zone is unreadable."""

STAMP: Final = re.compile(r"\[(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)\]\s+", re.ASCII)
"""How a human-readable line begins; ours are in whole seconds."""

_Record = TypeVar("_Record")
_NOT_READABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_FEW: Final = 8
_JSON_START: Final = b'{"timestamp":"'
_HUMAN_START: Final = re.compile(STAMP.pattern.encode())


class LineReader(Generic[_Record]):
    """Parses the lines of one log into records.

    Args:
        log: Which log; it decides which human-readable lines are known.
        record_type: A msgspec struct with the wanted fields. Other fields are ignored, missing ones
            get their default, or make the line unreadable if they have none.
        zone: Time zone of the times in human-readable lines.
    """

    def __init__(self, log: Log, record_type: type[_Record], zone: dt.tzinfo = dt.UTC) -> None:
        self._log = log
        self._zone = zone
        self._type = record_type
        self._decoder = msgspec.json.Decoder(record_type)

    def read(self, block: Block) -> tuple[list[_Record], list[int]]:
        """Read a block; return its records and the numbers of its unreadable lines."""
        if block.is_too_long:
            return [], [block.first_line]
        return self.read_lines(block.data, block.first_line)

    def read_lines(self, data: memoryview, first_line: int = 1) -> tuple[list[_Record], list[int]]:
        """Read whole lines, as :meth:`read` does."""
        if (records := self.read_json(data)) is not None:
            return records, []
        lines = bytes(data).split(b"\n")
        records, unreadable = [], list[int]()
        self._read_in_halves(lines, first_line, records, unreadable)
        return records, unreadable

    def read_json(self, data: memoryview) -> list[_Record] | None:
        """Read lines each of which is a JSON record; None if one is not."""
        try:
            return self._decoder.decode_lines(data)
        except _NOT_READABLE:
            return None

    def read_line(self, line: bytes) -> tuple[_Record | None, bool]:
        """Read one line; return its record, if any, and whether the whole line was readable."""
        if not line.strip():
            return None, True
        if (record := self._one(line)) is not None:
            return record, True
        start = _last_start(line)
        return self._one(line[start:]) if start > 0 else None, False

    def _read_in_halves(
        self, lines: list[bytes], first: int, records: list[_Record], unreadable: list[int]
    ) -> None:
        """Read lines in halves, so that one bad line costs little."""
        if len(lines) <= _FEW:
            for number, line in enumerate(lines, first):
                record, is_readable = self.read_line(line)
                if record is not None:
                    records.append(record)
                if not is_readable:
                    unreadable.append(number)
            return
        middle = len(lines) // 2
        for half, number in ((lines[:middle], first), (lines[middle:], first + middle)):
            try:
                records += self._decoder.decode_lines(b"\n".join(half))
            except _NOT_READABLE:
                self._read_in_halves(half, number, records, unreadable)

    def _one(self, line: bytes) -> _Record | None:
        line = line.removeprefix(BOM_UTF8)  # some editors and shells begin a file with it
        try:
            if not line.startswith(b"["):
                return self._decoder.decode(line)
            from .human_lines import text_fields  # noqa: PLC0415 - slow; most lines are JSON

            fields = text_fields(self._log, line.decode(), self._zone)
            return None if fields is None else msgspec.convert(fields, self._type)
        except _NOT_READABLE:
            return None


def _last_start(line: bytes) -> int:
    """Return where the last record on a line begins; at most 0 if there is no other."""
    start = line.rfind(_JSON_START)
    if start < 0 and not line.startswith(
        b"{"
    ):  # in a JSON record, a time stamp is part of its message
        start = max((found.start() for found in _HUMAN_START.finditer(line)), default=start)
    return start
