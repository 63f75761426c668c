"""Files that somebody may put where a small text file is expected."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

__all__ = ["IRREGULAR_FILES"]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse: it takes no room
    path.chmod(0o600)


def _not_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    path.chmod(0o600)


IRREGULAR_FILES: Final[Mapping[str, tuple[Callable[[Path], object], str]]] = {
    "a FIFO": (os.mkfifo, "it is a FIFO"),
    "a folder": (Path.mkdir, "it is a folder"),
    "a socket": (_socket, "it is a socket"),
    "an endless device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "a link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
    "a huge file": (_huge, "it is larger than"),
    "no text": (_not_text, "it is not UTF-8"),
}
"""What stands there -> how it is made at a path, and what is said of it."""
