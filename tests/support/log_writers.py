"""What several tests of the log writer need."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from .log_processes import page_of

__all__ = ["Race", "archive", "file_size_limit"]


class Race:
    """Does something right before one ``os.write`` of the log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def before_write(self, act: Callable[[], None]) -> None:
        write = os.write

        def racing_write(fd: int, data: bytes) -> int:
            self._monkeypatch.setattr(os, "write", write)
            act()
            return write(fd, data)

        self._monkeypatch.setattr(os, "write", racing_write)

    def after_write(self, act: Callable[[], None]) -> None:
        write = os.write

        def racing_write(fd: int, data: bytes) -> int:
            self._monkeypatch.setattr(os, "write", write)
            written = write(fd, data)
            act()
            return written

        self._monkeypatch.setattr(os, "write", racing_write)


def archive(folder: Path) -> None:
    """Remove the log as a cleanup does that has archived its lines."""
    page = page_of(folder)
    with page.locked(1):
        page.next_generation()
        found = (folder / "x.log").stat()
        page.add_tombstone((found.st_dev, found.st_ino), found.st_size)
        (folder / "x.log").unlink()


class file_size_limit:  # noqa: N801 - reads as a function where it is used
    """Limit the size of the files that this process writes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)
