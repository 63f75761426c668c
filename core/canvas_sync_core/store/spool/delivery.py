"""Delivers what dead processes left in the spool, and saves what can never be delivered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from canvas_sync_core.files.locking import try_lock
from canvas_sync_core.files.modes import PRIVATE_FILE, open_owned
from canvas_sync_core.store.row_database import Transactions
from canvas_sync_core.store.rows import write_runs

from .lines import SUFFIX, encode, read_lines

__all__ = ["DAMAGED_FILE", "Drained", "dead_letter", "drain_orphans", "waiting_bytes"]

DAMAGED_FILE: Final = "damaged.txt"
"""Name of the file in the spool's folder with lines that cannot be used."""

_DAMAGED_LIMIT: Final = 16 * 1024 * 1024


class Drained(msgspec.Struct, frozen=True):
    """Contents of the files of dead processes.

    Attributes:
        files: Files emptied and removed.
        rows: Snapshots read from them.
        damaged: Lines that are not snapshots; saved in ``damaged.txt`` next to them.
        rejected: Runs with a value that the database never accepts; saved there too.
    """

    files: int = 0
    rows: int = 0
    damaged: int = 0
    rejected: int = 0


def drain_orphans(folder: Path, database: Transactions) -> Drained:
    """Write the rows of dead processes from ``folder`` into the table and remove their files.

    Raises:
        Exception: The database is unavailable, or a file cannot be read or removed; the files
            stay.
    """
    total = Drained()
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with _orphan(path) as descriptor:
            if descriptor is not None:
                total = _plus(total, _drain(path, descriptor, database))
                path.unlink(missing_ok=True)
    return total


def waiting_bytes(folder: Path) -> int:
    """Return the size in bytes of the waiting lines of all processes."""
    total = 0
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # its owner ended meanwhile
            total += path.stat().st_size
    return total


def dead_letter(folder: Path, lines: list[bytes]) -> None:
    """Save unusable lines for inspection, up to 16 MB.

    The caller counts them; a full disk is not an error here.
    """
    if not lines:
        return
    text = b"".join(line.rstrip(b"\n") + b"\n" for line in lines)
    file = folder / DAMAGED_FILE
    with suppress(OSError), open(file, "ab", opener=_owner_only) as damaged:
        if damaged.tell() < _DAMAGED_LIMIT:
            damaged.write(text)


def _owner_only(path: str, flags: int) -> int:
    return open_owned(path, flags, PRIVATE_FILE)


@contextmanager
def _orphan(path: Path) -> Iterator[int | None]:
    """Open and lock the file of a dead process; None if its owner is alive or the file is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        is_ours = try_lock(descriptor) and os.fstat(descriptor).st_nlink > 0
        yield descriptor if is_ours else None
    finally:
        os.close(descriptor)


def _drain(path: Path, descriptor: int, database: Transactions) -> Drained:
    total = Drained(files=1)
    size = os.fstat(descriptor).st_size
    batch = read_lines(descriptor, 0, size)
    while batch.snapshots or batch.damaged:
        rejected = write_runs(database, batch.snapshots)
        dead_letter(path.parent, [*batch.damaged, *map(encode, rejected)])
        counts = len(batch.snapshots), len(batch.damaged), len(rejected)
        total = _plus(total, Drained(0, *counts))
        batch = read_lines(descriptor, batch.end, size)
    return total


def _plus(one: Drained, other: Drained) -> Drained:
    return Drained(
        one.files + other.files,
        one.rows + other.rows,
        one.damaged + other.damaged,
        one.rejected + other.rejected,
    )
