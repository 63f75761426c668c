"""Taking files out of a log for archiving, while others write to it.

What is archived is decided in one moment under the log's lock: each backup moves into a *claim*, a
folder named like the archive to be, under a name that says how many of its bytes the archive gets.
The same goes onto the log's control page, so that a writer that was late finds out that its line
came after, and writes it again (see :mod:`canvas_sync_core.logs.control`). A claim
stays until its archive is safe; after a kill the next run goes on with it.

Of the live log the newest lines stay: they are copied to a new live log, which replaces the old
one in one step, with a second name in the claim for the old one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from canvas_sync_core.files.modes import SHARED_FOLDER, make_folder, shared_opener
from canvas_sync_core.logs.control import ControlPage, identity_of
from canvas_sync_core.logs.rotation import log_files
from canvas_sync_core.names import Log

from .archive import Member, sync_folder

__all__ = ["claim_log", "claimed_members", "claims", "release", "settle", "tail_offset"]

_FOLDER: Final = "archiving"
_NEW_LIVE: Final = "live.partial"
_LOCK_SECONDS: Final = 10.0
_BLOCK: Final = 64 * 1024
_SIZE_POLLS: Final = 20
_SIZE_POLL_SECONDS: Final = 0.0001


def claims(log_dir: Path, log: Log) -> list[Path]:
    """List the claims on a log that are not archived yet, oldest first."""
    found = (log_dir / _FOLDER).glob(f"{log.value}-*")
    return sorted(path for path in found if path.is_dir())


def claimed_members(claim: Path) -> list[Member]:
    """List what a claim holds, oldest first."""
    members = []
    for path in claim.iterdir():
        name, mark, length = path.name.rpartition("@")
        if mark and length.isdecimal() and path.is_file():
            members.append(Member(path, name, int(length)))
    return sorted(members, key=lambda member: -_number(member.name))


def claim_log(
    log_path: Path, name: str, page: ControlPage, *, keep_lines: int, max_live_bytes: int
) -> None:
    """Claim the backups of a log, and the older part of a live log that has grown too large.

    Args:
        log_path: The live log.
        name: Name of the claim, and of the archive to be.
        page: The log's control page.
        keep_lines: How many of the newest lines stay in the live log.
        max_live_bytes: Size over which something is taken from the live log at all.

    Raises:
        OSError: The disk is full, or the lock is not to be had.
    """
    claim = log_path.parent / _FOLDER / name
    make_folder(claim.parent)
    claim.mkdir(SHARED_FOLDER)
    with _locked(page):
        page.next_generation()
        for file in reversed(log_files(log_path)):
            if file != log_path:
                _take(file, claim, page)
            elif file.stat().st_size > max_live_bytes:
                _take_older_lines(file, claim, page, keep_lines)
    # The moves are on the disk before the archive is, or a power cut could bring both.
    for folder in (claim, claim.parent, log_path.parent):
        sync_folder(folder)


def settle(claim: Path, log_path: Path, page: ControlPage) -> None:
    """Undo what a kill left half done in a claim, so that what it holds is no longer in the log."""
    with _locked(page):
        # What was the live log at the kill may be a backup by now.
        in_the_log = set(map(identity_of, log_files(log_path)))
        for member in claimed_members(claim):
            if identity_of(member.path) in in_the_log:
                member.path.unlink()
        (claim / _NEW_LIVE).unlink(missing_ok=True)


def release(claim: Path) -> None:
    """Remove a claim, for what it holds is archived or it holds nothing."""
    (claim / _NEW_LIVE).unlink(missing_ok=True)
    for member in claimed_members(claim):
        member.path.unlink()
    claim.rmdir()


def tail_offset(file: IO[bytes], size: int, lines: int) -> int:
    """Return where the newest ``lines`` lines of the first ``size`` bytes begin."""
    start, wanted = size, lines + 1  # the newline before the first of them is one more
    while start > 0:
        length = min(_BLOCK, start)
        start -= length
        block = os.pread(file.fileno(), length, start)
        if start + length == size and not block.endswith(b"\n"):
            wanted -= 1  # a last line without newline is a line too
        found = block.count(b"\n")
        if found >= wanted:
            return start + _nth_last_newline(block, wanted) + 1
        wanted -= found
    return 0


def _nth_last_newline(block: bytes, number: int) -> int:
    at = len(block)
    for _ in range(number):
        at = block.rindex(b"\n", 0, at)
    return at


def _number(name: str) -> int:
    number = name.rpartition(".")[2]
    return int(number) if number.isdecimal() else 0


@contextmanager
def _locked(page: ControlPage) -> Iterator[None]:
    with page.locked(_LOCK_SECONDS) as held:
        if not held:
            raise TimeoutError(
                f"{page.path} stayed locked for {_LOCK_SECONDS:g} s: "
                "a process that rotates the log seems to be stopped"
            )
        yield


def _take(file: Path, claim: Path, page: ControlPage) -> None:
    with file.open("rb") as backup:
        found = os.fstat(backup.fileno())
        size = _whole_size(backup)
    page.claim((found.st_dev, found.st_ino), size)
    _move(file, claim / f"{file.name}@{size}")


def _move(file: Path, target: Path) -> None:
    """Move a file into a claim; a link is made anew, for it may be relative to its folder."""
    if file.is_symlink():
        target.symlink_to(file.resolve())
        file.unlink()
    else:
        file.rename(target)


def _whole_size(file: IO[bytes]) -> int:
    """Return a file's size, without a part of a line that is being written this very moment.

    Only the size is seen to grow page by page; what a killed process tore stays torn.
    """
    for _ in range(_SIZE_POLLS):
        size = os.fstat(file.fileno()).st_size
        if not size or os.pread(file.fileno(), 1, size - 1) == b"\n":
            break
        time.sleep(_SIZE_POLL_SECONDS)
    return size


def _take_older_lines(live: Path, claim: Path, page: ControlPage, keep_lines: int) -> None:
    new_live = claim / _NEW_LIVE
    with live.open("rb") as old, open(new_live, "wb", opener=shared_opener) as new:
        found = os.fstat(old.fileno())
        offset = tail_offset(old, found.st_size, keep_lines)
        if not offset:
            return
        # Writers must be able to go on: same mode, same owner.
        os.fchmod(new.fileno(), found.st_mode & 0o7777)
        os.fchown(new.fileno(), found.st_uid, found.st_gid)
        _copy_range(old, new, offset, found.st_size)
        os.fsync(new.fileno())
        with page.swapping():
            size = _whole_size(old)
            _copy_range(old, new, found.st_size, size)
            page.claim((found.st_dev, found.st_ino), size)
            (claim / f"{live.name}@{offset}").hardlink_to(live)
            new_live.replace(live)  # now it is claimed; before, settle() drops the link
        os.fsync(new.fileno())  # what was added while swapping; the old file is removed soon


def _copy_range(old: IO[bytes], new: IO[bytes], start: int, end: int) -> None:
    for at in range(start, end, _BLOCK):
        new.write(os.pread(old.fileno(), min(_BLOCK, end - at), at))
    new.flush()
