"""Reads metric files while their processes may be writing them."""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from canvas_sync_core.files.identity import Identity, status_identity
from canvas_sync_core.files.locking import try_lock

from .layout import (
    HEADER_SIZE,
    BrokenFileError,
    Exemplar,
    exemplar_file_name,
    parse_file_name,
    read_entries,
    read_exemplars,
    read_used,
)
from .sample_keys import SampleKey, SampleKeys

__all__ = ["FileReader", "Reading", "is_dead"]

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FIRST_READ: Final = 16 * 1024


@dataclass(slots=True)
class Reading:
    """The contents of one metric file.

    Attributes:
        identity: Distinguishes the file from others of the same name; None before it is read.
        dead: Whether its process has ended.
        end: Number of bytes that have been parsed.
        cells: Positions of the values.
        values: The values of ``keys``; the last good ones when the file is broken.
        exemplars: By the key of the bucket.
        broken: What is wrong with the file, if anything.
    """

    name: str
    kind: str
    process_id: str
    identity: Identity | None = None
    dead: bool = False
    end: int = HEADER_SIZE
    keys: list[SampleKey] = field(default_factory=list)
    cells: array[int] = field(default_factory=lambda: array("I"))
    values: array[float] = field(default_factory=lambda: array("d"))
    exemplars: dict[SampleKey, Exemplar] = field(default_factory=dict)
    broken: str | None = None


class FileReader:
    """Reads the metric files of a folder; caches parsed keys.

    Args:
        folder: The folder of the metric files.
        keys: Parses and caches keys.
    """

    def __init__(self, folder: Path, keys: SampleKeys) -> None:
        self._folder = folder
        self._keys = keys
        self._known: dict[str, Reading] = {}

    def names(self) -> list[str]:
        """List our metric files, sorted."""
        names = (path.name for path in self._folder.iterdir())
        return sorted(name for name in names if parse_file_name(name) is not None)

    def forget_all_but(self, names: set[str]) -> None:
        """Forget all other files."""
        for name in self._known.keys() - names:
            del self._known[name]

    def read(self, name: str) -> Reading | None:
        """Read one file; None if it is gone.

        An unreadable or invalid file is returned as ``broken`` with its last good values.
        """
        reading = self._known.get(name) or _blank(name)
        self._known[name] = reading
        try:
            fd = os.open(self._folder / name, _FLAGS)
        except FileNotFoundError:
            return None
        except OSError as error:
            reading.broken = str(error)
            return reading
        try:
            reading.dead = _has_no_owner(fd)
            self._update(reading, fd)
            reading.broken = None
        except (BrokenFileError, OSError) as error:
            reading.broken = str(error)
        finally:
            os.close(fd)
        return reading

    def _update(self, reading: Reading, fd: int) -> None:
        status = os.fstat(fd)
        data = _read_in_use(fd)
        if reading.identity != status_identity(status) or len(data) < reading.end:
            reading.end, reading.keys, reading.cells = HEADER_SIZE, [], array("I")
        entries = read_entries(data, reading.end)
        reading.keys += [self._keys.parse(key) for key, _ in entries]
        reading.cells.extend(cell for _, cell in entries)
        reading.identity, reading.end = status_identity(status), len(data)
        doubles = memoryview(data).cast("d")
        reading.values = array("d", map(doubles.__getitem__, reading.cells))
        if reading.kind == "histogram":
            reading.exemplars = self._exemplars(reading)

    def _exemplars(self, reading: Reading) -> dict[SampleKey, Exemplar]:
        try:
            fd = os.open(self._folder / exemplar_file_name(reading.process_id), _FLAGS)
        except FileNotFoundError:
            return {}
        try:
            found = read_exemplars(_read_in_use(fd))
        finally:
            os.close(fd)
        key_at = dict(zip(reading.cells, reading.keys, strict=True))
        return {key_at[cell]: exemplar for cell, exemplar in found.items() if cell in key_at}


def is_dead(path: Path) -> bool:
    """Return whether the process that made a metric file has ended; False when the file is gone."""
    try:
        fd = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        return _has_no_owner(fd)
    finally:
        os.close(fd)


def _has_no_owner(fd: int) -> bool:
    # A shared lock, so that two exporters that check at the same time get the same answer.
    return try_lock(fd, shared=True)


def _blank(name: str) -> Reading:
    parsed = parse_file_name(name)
    if parsed is None:
        raise ValueError(f"{name} is not the name of a metric file")
    return Reading(name, *parsed)


def _read_in_use(fd: int) -> bytes:
    data = os.pread(fd, _FIRST_READ, 0)
    used = read_used(data)
    if used > len(data):
        size = os.fstat(fd).st_size  # not asked for earlier: a file grows before it is in use
        if used > size:
            raise BrokenFileError(f"says that {used} bytes are in use, but has only {size}")
        data += os.pread(fd, used - len(data), len(data))
    if used > len(data):
        raise BrokenFileError("became shorter while it was read")
    return data[:used]
