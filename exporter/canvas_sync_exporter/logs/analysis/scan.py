"""Reads a source, or a part of a large one, into a summary."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from canvas_sync_exporter.logs.archive import ArchiveDamagedError
from canvas_sync_exporter.logs.lines import LineReader
from canvas_sync_exporter.logs.parts import LogPart, packed_part, parts
from canvas_sync_exporter.logs.pieces import PIECE_BYTES, PackedFile, packed_files
from canvas_sync_exporter.logs.reader import Block, blocks
from canvas_sync_exporter.logs.sources import LogSource, open_plain

from .records import Selection
from .source_summary import KINDS, SHOWN_LINES, FileLines, Summary

__all__ = ["Chunk", "Scanned", "chunks", "scan"]

_CHUNK_BYTES: Final = 16 * 1024 * 1024
_ZIPPED: Final = 8  # reading an archive takes this many times as long per byte
_LOOK_BYTES: Final = 64 * 1024
_BATCH: Final = 4096  # records aggregated together; still fits the processor's cache


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of work of one process: an archive, or whole lines of a file.

    Attributes:
        source: The source.
        start: Offset of the first byte.
        end: Offset after the last byte.
        selection: Which lines are wanted.
        zone: Time zone of the times in human-readable lines.
        file: Some pieces of a file in the archive; None for all of it, and outside of archives.
    """

    source: LogSource
    start: int
    end: int
    selection: Selection
    zone: dt.tzinfo
    file: PackedFile | None = None

    @property
    def size(self) -> int:
        """Number of bytes to read; for a whole archive, about as many as it unpacks to."""
        is_packed = self.source.is_archive and self.file is None
        return (self.end - self.start) * (_ZIPPED if is_packed else 1)


@dataclass(slots=True)
class Scanned:
    """The result of a chunk.

    Attributes:
        summary: Of its whole lines.
        end: Offset in the file after them.
        rest: Summary of a last line without newline, which may still be in progress.
        problem: Why it could not be read to the end.
    """

    summary: Summary
    end: int
    rest: Summary | None = None
    problem: str | None = None


def chunks(source: LogSource, start: int, selection: Selection, zone: dt.tzinfo) -> Iterator[Chunk]:
    """Divide a source from an offset on; an indivisible source is one chunk.

    Raises:
        OSError: The file cannot be read.
    """
    if source.is_archive:
        if not start:
            yield from _chunks_of_archive(Chunk(source, 0, source.size, selection, zone))
        return
    with open_plain(source) as raw:
        while start < source.size:
            end = _line_end(raw.fileno(), start + _CHUNK_BYTES, source.size)
            yield Chunk(source, start, end, selection, zone)
            start = end


def _chunks_of_archive(whole: Chunk) -> Iterator[Chunk]:
    """Divide a large archive that is in pieces; each chunk begins with a line."""
    is_large = whole.source.has_members and whole.size > _CHUNK_BYTES
    files = packed_files(whole.source.path) if is_large else None
    if not files:
        yield whole
        return
    step = _CHUNK_BYTES // PIECE_BYTES
    for file in files:
        for first in range(0, max(1, len(file.pieces)), step):
            some = PackedFile(file.name, file.pieces[first : first + step])
            start = some.pieces[0].start if some.pieces else 0
            yield replace(whole, start=start, end=start + some.size, file=some)


def _line_end(fd: int, at: int, size: int) -> int:
    """Return the end of the line at an offset."""
    while at < size:
        look = os.pread(fd, _LOOK_BYTES, at)
        if not look:
            break
        newline = look.find(b"\n")
        if newline >= 0:
            return min(at + newline + 1, size)
        at += len(look)
    return size


def scan(chunk: Chunk) -> Scanned:
    """Read a chunk. If it cannot be read to the end, the result contains the reason."""
    source = chunk.source
    found = Scanned(Summary.empty(source.log), chunk.start)
    try:
        if chunk.file is not None:
            with packed_part(source, chunk.file) as part:
                _scan_part(part, chunk, found)
        else:
            for part in parts(source, start=chunk.start):
                _scan_part(part, chunk, found)
    except ArchiveDamagedError as error:  # its message names the archive
        found.problem = str(error)
    except OSError as error:
        found.problem = f"{source.path.name}: {error.strerror or error}"
    if source.is_archive:
        found.end = source.size
    return found


def _scan_part(part: LogPart, chunk: Chunk, found: Scanned) -> None:
    source = chunk.source
    lines = FileLines(part.name.partition("/")[2])
    found.summary.files.append(lines)
    end = chunk.start + part.size if source.is_archive else chunk.end
    batch: list[Any] = []
    try:
        for block in blocks(part.stream, end, start=chunk.start):
            if len(batch) >= _BATCH:
                found.summary.add(batch)
                batch = []
            batch += _scan_block(block, chunk, found, lines)
    finally:  # lines before the damage count
        found.summary.add(batch)


def _scan_block(block: Block, chunk: Chunk, found: Scanned, lines: FileLines) -> list[Any]:
    """Count a block's lines and return the records for the summary."""
    source = chunk.source
    kind = KINDS[source.log]
    is_by_run = chunk.selection.is_by_run
    record_type = kind.record_of_run if is_by_run else kind.record
    reader = LineReader(source.log, record_type, chunk.zone)
    records, unreadable = reader.read(block)
    wanted = chunk.selection.of(records)
    numbers = [number - lines.lines for number in unreadable[:SHOWN_LINES]]
    size = block.end - chunk.start - lines.bytes
    counted = FileLines("", size, block.lines, len(unreadable), numbers)
    if block.is_whole or source.is_archive:
        lines.append(counted)
        found.end = block.end
        return wanted
    may_be_written_on = source.is_live and not block.is_too_long
    if not (may_be_written_on and unreadable):
        found.rest = Summary.empty(source.log)
        found.rest.add(wanted)
        found.rest.files.append(counted)
    return []
