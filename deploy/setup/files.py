"""Files that appear whole, with the user who reads them, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["Chown", "SetupError", "own_folder", "read", "write"]

Chown = Callable[[Path, int, int], None]
"""Gives a file to a user and a group, as ``os.lchown``: only root can."""


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


def read(path: Path) -> str:
    """Read a text without the white space around it.

    Raises:
        SetupError: It is a folder, which Docker makes where a file to mount is missing, or no text.
        OSError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except (IsADirectoryError, UnicodeDecodeError) as error:
        what = "a folder" if isinstance(error, IsADirectoryError) else "not a text in UTF-8"
        raise SetupError(f"{path} is {what}. Remove it, and run the set-up again.") from error


def write(path: Path, text: str, user: int, chown: Chown) -> None:
    """Write a file that only one user can read; it replaces the one that is there."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - has the mode
        file.write(text)
    chown(unfinished, user, user)
    unfinished.chmod(0o400)
    unfinished.rename(path)


def own_folder(folder: Path, user: int, group: int, chown: Chown) -> None:
    """Give a folder with all that is in it to a user, unless it is theirs already."""
    if folder.stat().st_uid == user:
        return
    for path in folder.rglob("*"):
        chown(path, user, group)
    chown(folder, user, group)  # last: after an interruption it is done again
