"""The sidecars in the folder of the archives: ``errors-20251222T020000Z.sidecar`` and the like."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import time
from bisect import bisect_right
from pathlib import Path
from typing import Final

from canvas_sync_core.files.log_names import ARCHIVE_SUFFIX, FileKind, live_name, parse_name
from canvas_sync_core.files.modes import shared_opener
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import ArchiveDamagedError, archives
from canvas_sync_exporter.logs.parts import LogPart, LogStream, parts
from canvas_sync_exporter.logs.reader import blocks
from canvas_sync_exporter.logs.sources import LogSource, archive_source

from .sidecar import FIRST_BYTES, DamagedSidecarError, MemberSummary, PieceSummary, Sidecar
from .summary import LinesSummary

__all__ = ["complete_sidecars", "read_sidecar", "sidecar_path"]

_SUFFIX: Final = ".sidecar"
_END_BYTES: Final = 4096
_LARGEST: Final = 64 * 1024 * 1024


def sidecar_path(archive: Path) -> Path:
    """Return where the sidecar of an archive is."""
    return archive.with_name(archive.name.removesuffix(ARCHIVE_SUFFIX) + _SUFFIX)


def read_sidecar(archive: Path, zone: dt.tzinfo) -> Sidecar | None:
    """Read the sidecar of an archive.

    Args:
        archive: The archive.
        zone: Time zone of the times in human-readable lines.

    Returns:
        None if it is missing, damaged, of another file, or made for another time zone.
    """
    try:
        with sidecar_path(archive).open("rb") as raw:
            sidecar = Sidecar.decode(raw.read(_LARGEST))
        is_of_it = sidecar.archive == _fingerprint(archive)
    except (OSError, DamagedSidecarError):
        return None
    return sidecar if is_of_it and sidecar.zone in ("", str(zone)) else None


def complete_sidecars(folder: Path, zone: dt.tzinfo, *, seconds: float) -> list[str]:
    """Write the sidecars that are missing or damaged, newest archive first, and delete stray ones.

    Args:
        folder: Folder of the archives; may be missing.
        zone: Time zone of the times in human-readable lines.
        seconds: Time limit; those that are left are written next time.

    Returns:
        Which sidecars could not be written, and why.
    """
    problems: list[str] = []
    deadline = time.monotonic() + seconds
    try:
        _delete_stray(folder)
        found = archives(folder)
    except OSError as error:
        return [f"the sidecars of the archives cannot be listed: {error}"]
    for archive in reversed(found):
        if time.monotonic() >= deadline:
            break
        if read_sidecar(archive.path, zone) is None:
            try:
                _write(archive.path, _make(archive_source(archive), zone))
            except FileNotFoundError:  # the archive was deleted
                continue
            except OSError as error:
                problems.append(f"{sidecar_path(archive.path).name} was not written: {error}")
                if not isinstance(error, ArchiveDamagedError):  # no others can be written either
                    break
    return problems


def _delete_stray(folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in folder.glob(f".*{_SUFFIX}.partial"):  # of a cleanup that was killed
        path.unlink(missing_ok=True)
    for path in folder.iterdir():
        name = f"{path.name.removesuffix(_SUFFIX)}{ARCHIVE_SUFFIX}"
        is_ours = path.name.endswith(_SUFFIX) and any(
            (parsed := parse_name(live_name(log), name)) and parsed.kind is FileKind.ARCHIVE
            for log in Log
        )
        if is_ours and not path.with_name(name).exists():
            path.unlink(missing_ok=True)


def _make(source: LogSource, zone: dt.tzinfo) -> Sidecar:
    """Read an archive.

    Raises:
        ArchiveDamagedError: It is damaged.
        OSError: It cannot be read, or is gone.
    """
    fingerprint = _fingerprint(source.path)
    summary = LinesSummary(source.log, zone)
    members = [_sum_up(part, summary) for part in parts(source)]
    minutes: dict[str, list[tuple[int, int]]] = {}
    for (level, minute), count in sorted(summary.minutes.items()):
        minutes.setdefault(level, []).append((minute, count))
    return Sidecar(
        archive=fingerprint,
        zone=str(zone) if summary.has_text_lines else "",
        members=members,
        minutes=minutes,
    )


class _FirstBytes:
    """A stream that remembers its first bytes."""

    def __init__(self, stream: LogStream) -> None:
        self.first = b""
        self._stream = stream

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read into the buffer."""
        read = self._stream.readinto(buffer)
        if len(self.first) < FIRST_BYTES:
            self.first += bytes(buffer[: min(read or 0, FIRST_BYTES - len(self.first))])
        return read


def _sum_up(part: LogPart, summary: LinesSummary) -> MemberSummary:
    stream = _FirstBytes(part.stream)
    ends = [piece.start for piece in part.pieces[1:]]
    pieces: list[PieceSummary] = []
    for block in blocks(stream, part.size):
        number = bisect_right(ends, block.end - len(block.data))
        pieces += [summary.finish_piece() for _ in range(len(pieces), number)]
        if not block.is_too_long:
            summary.add(block)
    pieces += [summary.finish_piece() for _ in range(len(pieces), len(ends) + 1)]
    return MemberSummary(part.size, stream.first, pieces)


def _fingerprint(archive: Path) -> bytes:
    """Return a hash of the size and both ends of an archive; the last bytes are its checksum."""
    with archive.open("rb", buffering=0) as raw:
        fd = raw.fileno()
        size = os.fstat(fd).st_size
        ends = os.pread(fd, _END_BYTES, 0) + os.pread(fd, _END_BYTES, max(0, size - _END_BYTES))
    return hashlib.blake2b(size.to_bytes(8, "big") + ends, digest_size=16).digest()


def _write(archive: Path, sidecar: Sidecar) -> None:
    path = sidecar_path(archive)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb", opener=shared_opener) as raw:
            raw.write(sidecar.encode())
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
