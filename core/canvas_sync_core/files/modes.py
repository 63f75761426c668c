"""Modes of the files and folders that we make: never writable for everybody, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = [
    "PRIVATE_FILE",
    "PRIVATE_FOLDER",
    "SHARED_FILE",
    "SHARED_FOLDER",
    "make_folder",
    "open_shared",
    "shared_opener",
    "write_shared",
]

SHARED_FILE: Final = 0o664
"""Logs, metric files and archives: the umask decides whether the group may write."""
SHARED_FOLDER: Final = 0o775
PRIVATE_FILE: Final = 0o600
"""What holds rows of runs: the embedded database and the spool."""
PRIVATE_FOLDER: Final = 0o700


def make_folder(folder: Path, mode: int = SHARED_FOLDER) -> None:
    """Make a folder unless it is there; missing parents are made with :data:`SHARED_FOLDER`.

    ``Path.mkdir`` makes parents writable for everybody when the umask is 0. Where a symbolic link
    leads to a folder that is missing, as on a volume that was emptied, that folder is made.

    Raises:
        OSError: It cannot be made, or something else has its name.
    """
    try:
        folder.mkdir(mode, exist_ok=True)
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(mode, exist_ok=True)
    except FileExistsError:
        target = Path(os.path.realpath(folder))
        if target.is_symlink() or target.exists():  # a link that leads to itself, or no folder
            raise
        make_folder(target, mode)


def open_shared(path: Path, flags: int) -> int:
    """Open a file that is made when missing, with its folder; answer the descriptor.

    Args:
        path: The file.
        flags: Those of :func:`os.open`, without ``O_CREAT`` and ``O_CLOEXEC``.

    Raises:
        OSError: It cannot be opened or made.
    """
    flags |= os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, SHARED_FILE)
    except FileNotFoundError:
        make_folder(path.parent)
        return os.open(path, flags, SHARED_FILE)


def shared_opener(path: str, flags: int) -> int:
    """Give a new file :data:`SHARED_FILE`: the ``opener`` of :func:`open`."""
    return os.open(path, flags | os.O_CLOEXEC, SHARED_FILE)


def write_shared(path: Path, content: bytes) -> None:
    """Write a whole file, which is made with :data:`SHARED_FILE` when missing.

    Raises:
        OSError: It cannot be written.
    """
    with open(path, "wb", opener=shared_opener) as file:
        file.write(content)
