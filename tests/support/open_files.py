"""The files that this process has open."""

from __future__ import annotations

from pathlib import Path

__all__ = ["descriptor_of", "open_files"]


def open_files(folder: Path) -> list[str]:
    """Name the files below a folder that this process has open."""
    return [target for target in _targets().values() if target.startswith(str(folder))]


def descriptor_of(file: Path) -> int:
    """Return the descriptor by which this process has a file open."""
    (number,) = (number for number, target in _targets().items() if target == str(file))
    return number


def _targets() -> dict[int, str]:
    links = Path("/proc/self/fd").iterdir()
    return {int(link.name): str(link.readlink()) for link in links if link.is_symlink()}
