"""A cache of the summaries of files, stored next to the logs.

A file is recognised by its contents, not by its name: by its first line, and by the bytes before
the offset up to which it was read. So the summary of the live log stays valid while the log grows
and when it is rotated. An archive is recognised by its size, its first and last bytes, which
include the checksum of its contents, and the time of its last change: a copy that is damaged in
between is read again.

The cache is one file. It has a checksum and the version that wrote it, and is discarded if either
is wrong; it can be deleted at any time.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import zlib
from copy import deepcopy
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Final

import msgspec

from canvas_sync_core.files.modes import make_folder, write_shared
from canvas_sync_core.names import DISTRIBUTION, Log
from canvas_sync_core.version import VERSION
from canvas_sync_exporter.logs.sources import LogSource, open_plain

from .source_summary import KINDS, FileLines, Summary

__all__ = ["Entry", "SummaryCache", "cache_path"]

_FORMAT: Final = 10
_EDGE: Final = 4096
_DIGEST_BYTES: Final = 16
_FASTEST: Final = 1
"""The runs in a section resemble each other, so this is enough."""


class Entry(msgspec.Struct, array_like=True):
    """A summary and the identity of its file.

    Attributes:
        key: Digest of the log's name and the first line.
        offset: Offset up to which the file was read.
        tail: Digest of the bytes before the offset.
        files: As in :class:`~.summary.Summary`, and so are the next two.
        first: The earliest time.
        last: The latest.
        section: The section, encoded and compressed.
    """

    key: bytes
    offset: int
    tail: bytes
    files: list[FileLines]
    first: dt.datetime | None
    last: dt.datetime | None
    section: bytes

    def summary(self, log: Log) -> Summary:
        """Return a copy of the summary that the caller may change."""
        encoded = zlib.decompress(self.section)
        section = msgspec.msgpack.decode(encoded, type=KINDS[log].section)
        return Summary(section, deepcopy(self.files), self.first, self.last)


_DECODER: Final = msgspec.msgpack.Decoder(list[Entry])


def cache_path(log_dir: Path) -> Path:
    """Return the path of the cache."""
    return log_dir / "state" / "analysis.cache"


class SummaryCache:
    """The cache; it is read on creation.

    Args:
        path: Its file; may be missing, damaged or from another version.
        zone: Time zone of human-readable lines; summaries of another zone are discarded.
    """

    def __init__(self, path: Path, zone: dt.tzinfo) -> None:
        self._path = path
        self._zone = str(zone)
        self._entries: dict[bytes, list[Entry]] = {}
        self._met: dict[tuple[bytes, int], Entry] = {}
        self._is_changed = False
        for entry in _read(path, self._zone):
            self._entries.setdefault(entry.key, []).append(entry)

    def find(self, source: LogSource) -> Entry | None:
        """Return the entry of a source that covers most of it.

        Raises:
            OSError: The source cannot be read.
        """
        with _opened(source) as raw:
            candidates = self._entries.get(_key(source, raw), [])
            for entry in sorted(candidates, key=lambda each: -each.offset):
                if entry.offset <= source.size and entry.tail == _tail(raw, entry.offset):
                    self._met[entry.key, entry.offset] = entry
                    return entry
        return None

    def keep(
        self, source: LogSource, offset: int, summary: Summary, *, instead_of: Entry | None
    ) -> None:
        """Store the summary of a source up to an offset.

        Raises:
            OSError: The source cannot be read.
        """
        with _opened(source) as raw:
            key, tail = _key(source, raw), _tail(raw, offset)
        if instead_of is not None:
            self._met.pop((instead_of.key, instead_of.offset), None)
        section = zlib.compress(msgspec.msgpack.encode(summary.section), _FASTEST)
        self._met[key, offset] = Entry(
            key=key,
            offset=offset,
            tail=tail,
            files=deepcopy(summary.files),
            first=summary.first,
            last=summary.last,
            section=section,
        )
        self._is_changed = True

    def save(self) -> None:
        """Write the entries that were used or added; entries without a file are dropped.

        Raises:
            OSError: The folder cannot be written, or the disk is full.
        """
        if not self._is_changed:
            return
        payload = msgspec.msgpack.encode(list(self._met.values()))
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}.partial")
        make_folder(self._path.parent)
        try:
            write_shared(partial, _header(io.BytesIO(payload), self._zone) + payload)
            partial.replace(self._path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def _read(path: Path, zone: str) -> list[Entry]:
    """Read the entries; none if there is no usable cache."""
    try:
        if not path.is_file():  # opening a FIFO would block forever
            return []
        with path.open("rb") as file:
            header = file.readline(_EDGE)
            if header != _header(file, zone):
                return []
            file.seek(len(header))
            return _DECODER.decode(file.read())
    except (OSError, msgspec.MsgspecError):  # then everything is read again
        return []


def _header(payload: io.BufferedReader | io.BytesIO, zone: str) -> bytes:
    """Return the first line of the file for its contents, without joining them in memory."""
    checksum = file_digest(payload, _new_digest).hexdigest()
    return f"{DISTRIBUTION} {VERSION} {_FORMAT} {zone} {checksum}\n".encode()


def _opened(source: LogSource) -> io.FileIO:
    return io.FileIO(source.path) if source.is_archive else open_plain(source)


def _key(source: LogSource, raw: io.FileIO) -> bytes:
    head = os.pread(raw.fileno(), _EDGE, 0)
    if source.is_archive:
        changed = os.fstat(raw.fileno()).st_mtime_ns
        return _digest(b"archive", source.log.encode(), b"%d %d" % (source.size, changed), head)
    return _digest(b"file", source.log.encode(), head.partition(b"\n")[0])


def _tail(raw: io.FileIO, offset: int) -> bytes:
    length = min(_EDGE, offset)
    return _digest(os.pread(raw.fileno(), length, offset - length))


def _digest(*contents: bytes) -> bytes:
    digest = _new_digest()
    for content in contents:
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.digest()


def _new_digest() -> blake2b:
    return blake2b(digest_size=_DIGEST_BYTES)
