"""Modes of the files and folders that we create, whatever the umask.

They are never world-writable, and always usable by their owner.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

__all__ = [
    "PRIVATE_FILE",
    "PRIVATE_FOLDER",
    "SHARED_FILE",
    "SHARED_FOLDER",
    "make_folder",
    "open_owned",
    "open_shared",
    "shared_opener",
    "write_shared",
]

SHARED_FILE: Final = 0o664
"""Logs, metric files and archives: the umask decides whether the group may write."""
SHARED_FOLDER: Final = 0o775
PRIVATE_FILE: Final = 0o600
"""For files with rows of runs: the embedded database and the spool."""
PRIVATE_FOLDER: Final = 0o700
_OWNER: Final = stat.S_IRUSR | stat.S_IWUSR


def make_folder(folder: Path, mode: int = SHARED_FOLDER) -> None:
    """Create a folder if it is missing; missing parents get :data:`SHARED_FOLDER`.

    ``Path.mkdir`` makes parents world-writable if the umask is 0. If a symbolic link leads to a
    missing folder, as on a volume that was emptied, that folder is created.

    Raises:
        OSError: It cannot be made, or something else has its name.
    """
    try:
        _make(folder, mode)
    except FileNotFoundError:
        make_folder(folder.parent)
        _make(folder, mode)
    except FileExistsError:
        target = Path(os.path.realpath(folder))
        if target.is_symlink() or target.exists():  # a link that leads to itself, or no folder
            raise
        make_folder(target, mode)


def _make(folder: Path, mode: int) -> None:
    """Create a folder unless it exists; an existing one keeps its mode."""
    try:
        folder.mkdir(mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    if (given := stat.S_IMODE(folder.stat().st_mode)) & stat.S_IRWXU != stat.S_IRWXU:
        folder.chmod(given | stat.S_IRWXU)


def open_owned(path: Path | str, flags: int, mode: int) -> int:
    """Open a file that its owner can use even if the umask forbids it; return its descriptor.

    Args:
        path: The file.
        flags: Those of :func:`os.open`.
        mode: Of a new file.

    Raises:
        OSError: It cannot be opened or made.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC, mode)
    if flags & os.O_CREAT:
        found = os.fstat(descriptor)
        is_new = not found.st_size and found.st_uid == os.geteuid()
        if is_new and found.st_mode & _OWNER != _OWNER:
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) | _OWNER)
    return descriptor


def open_shared(path: Path, flags: int) -> int:
    """Open a file and return its descriptor; create the file and its folder if missing.

    Args:
        path: The file.
        flags: Those of :func:`os.open`, without ``O_CREAT`` and ``O_CLOEXEC``.

    Raises:
        OSError: It cannot be opened or made.
    """
    flags |= os.O_CREAT
    try:
        return open_owned(path, flags, SHARED_FILE)
    except FileNotFoundError:
        make_folder(path.parent)
        return open_owned(path, flags, SHARED_FILE)


def shared_opener(path: str, flags: int) -> int:
    """Create files with the mode :data:`SHARED_FILE`; an ``opener`` for :func:`open`."""
    return open_owned(path, flags, SHARED_FILE)


def write_shared(path: Path, content: bytes) -> None:
    """Write a whole file; create it with :data:`SHARED_FILE` if missing.

    Raises:
        OSError: It cannot be written.
    """
    with open(path, "wb", opener=shared_opener) as file:
        file.write(content)
