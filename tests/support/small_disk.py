"""A small real file system that can be filled and emptied."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["SmallDisk", "small_disk"]


class SmallDisk:
    """A tmpfs of one megabyte.

    Attributes:
        path: Where it is mounted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Take all room but ``leave`` bytes, which are rounded down to pages."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (65536, 4096):
                free = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize
                for _ in range(max(free - leave, 0) // size):
                    try:
                        ballast.write(b"\0" * size)
                    except OSError:  # another thread has taken the room meanwhile
                        break

    def make_room(self) -> None:
        """Give back what :meth:`fill` took."""
        self._ballast.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mount a file system of one megabyte; skip where that is not allowed, except in CI."""
    path = tmp_path / "small"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        complaint = f"A tmpfs cannot be mounted: {mounted.stderr.strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(complaint)
        pytest.skip(complaint)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
