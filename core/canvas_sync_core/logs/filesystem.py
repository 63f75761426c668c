"""Detects network file systems, where appending is not atomic."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["network_filesystem_warning"]

_NETWORK_TYPES: Final = frozenset(
    {"9p", "afs", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def network_filesystem_warning(
    folder: Path, mountinfo: Path = Path("/proc/self/mountinfo")
) -> str | None:
    """Return a warning if ``folder`` is on a network file system.

    ``O_APPEND`` is not atomic on NFS (open(2), "may lead to corrupted files on NFS filesystems if
    more than one process appends data to a file at once"), and a mapped page is not shared between
    hosts.

    Args:
        folder: A folder; it need not exist yet.
        mountinfo: The mounts of this process, in the format of proc_pid_mountinfo(5).

    Returns:
        The warning, or None on a local file system and where mounts cannot be read (not Linux).
    """
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return None
    target = folder.resolve()
    mounts = [mount for mount in map(_mount, lines) if target.is_relative_to(mount[0])]
    if not mounts:
        return None
    # The deepest mount point contains the folder; of several at one point, the last one is on top.
    point, kind = max(reversed(mounts), key=lambda mount: len(mount[0].parts))
    if kind not in _NETWORK_TYPES:
        return None
    return (
        f"{folder} is on a network file system ({kind} at {point}), where lines of several "
        "processes can be torn or lost. Point CANVAS_SYNC_LOG_DIR at a local disk."
    )


def _mount(line: str) -> tuple[Path, str]:
    before, _, after = line.partition(" - ")
    point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4])
    return Path(point), after.split(" ", 1)[0]
