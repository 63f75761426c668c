"""The descriptors of an SQLite connection, which a program that closes all of them closes too.

SQLite does not notice: it would lock, write to and close the files of the app that get its numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Self

import msgspec

from canvas_sync_core.files.descriptors import is_closed, open_numbers, reserve
from canvas_sync_core.files.identity import Identity, identity_of

from .sqlite_files import identity_at

__all__ = ["SqliteDescriptors"]


class SqliteDescriptors(msgspec.Struct, frozen=True):
    """The descriptors of one connection.

    Attributes:
        files: Number -> the file behind it.
    """

    files: Mapping[int, Identity] = msgspec.field(default_factory=dict)

    @classmethod
    def opened(cls, file: Path, before: Collection[int]) -> Self:
        """Find those of a new connection.

        Args:
            file: Its database.
            before: All numbers before it was opened.
        """
        names = (file, *(file.with_name(f"{file.name}-{suffix}") for suffix in ("wal", "shm")))
        wanted = {identity_at(name) for name in names} - {None}
        found = {number: _identity(number) for number in open_numbers().difference(before)}
        return cls({number: file for number, file in found.items() if file and file in wanted})

    def are_open(self) -> bool:
        """Return whether the app has left all of them open."""
        return all(_identity(number) == file for number, file in self.files.items())

    def make_closable(self) -> bool:
        """Make closing the connection harmless; return False if files of the app prevent it.

        Numbers without a file are taken, so that no other thread gets them meanwhile. Since these
        descriptors cannot be locked, SQLite does not take itself for the last user, which would
        remove the journal with the rows in it.
        """
        return all(
            current == file if (current := _identity(number)) else reserve(number)
            for number, file in self.files.items()
        )


def _identity(number: int) -> Identity | None:
    try:
        return identity_of(number)
    except OSError as error:
        if not is_closed(error):
            raise
        return None
