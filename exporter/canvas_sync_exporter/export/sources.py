"""The files of the stack that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["SOURCES", "read", "read_folder"]

SOURCES: Final = Path(__file__).parent / "sources"
"""In a checkout links to ``deploy`` and its neighbours, in an installed package a copy of them."""


def read(name: str) -> str:
    """Read one file, named as in the repository."""
    return (SOURCES / name).read_text(encoding="utf-8")


def read_folder(name: str, *patterns: str) -> dict[str, str]:
    """Read files of a folder.

    Args:
        name: The folder, named as in the repository.
        patterns: Which files to read, relative to the folder.

    Returns:
        Text by path relative to the folder, in the order of the paths.
    """
    folder = SOURCES / name
    files = {file for pattern in patterns for file in folder.glob(pattern) if file.is_file()}
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(files)
    }
