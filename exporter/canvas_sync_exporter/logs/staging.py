"""Staging: files leave a log for archiving while other processes write to it.

A *staging folder* has the name of the future archive. Under the log's lock, each backup moves into
it, under a name that contains how many of its bytes will be archived (``errors.log.1@8192``). The
same length is recorded on the log's control page: there, a writer that still had the file open sees
that its line came too late for the archive, and writes it again (see
:mod:`canvas_sync_core.logs.control`).

    backup           --rename---------------> staging folder
    live log         --newest lines---------> new live log, which replaces the live log
                     --second name (link)---> staging folder
    staging folder   --written, read back---> archive; then the folder is removed

A staging folder stays until its archive is safe. If a cleanup is killed, the next one recovers its
staging folder and continues with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from canvas_sync_core.files.durability import sync_folder
from canvas_sync_core.files.identity import identity_of, status_identity
from canvas_sync_core.files.log_names import may_follow
from canvas_sync_core.files.modes import SHARED_FOLDER, make_folder, shared_opener
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import log_files
from canvas_sync_core.names import Log

from .archive import Member

__all__ = [
    "recover",
    "remove_staging_folder",
    "stage_log",
    "staged_members",
    "staging_folders",
    "tail_offset",
]

_FOLDER: Final = "archiving"
_NEW_LIVE: Final = "live.partial"
_LOCK_SECONDS: Final = 10.0
_BLOCK: Final = 64 * 1024
_SIZE_POLLS: Final = 20
_SIZE_POLL_SECONDS: Final = 0.0001


def staging_folders(log_dir: Path, log: Log) -> list[Path]:
    """List the staging folders of a log, oldest first."""
    named_so = (log_dir / _FOLDER).glob(f"{log.value}-*")
    return sorted(path for path in named_so if path.is_dir())


def staged_members(folder: Path) -> list[Member]:
    """List the files in a staging folder, oldest first."""
    members = []
    for path in folder.iterdir():
        name, mark, length = path.name.rpartition("@")
        if mark and length.isdecimal() and path.is_file() and may_follow(path):
            members.append(Member(path, name, int(length)))
    return sorted(members, key=lambda member: -_number(member.name))


def stage_log(
    log_path: Path, name: str, page: ControlPage, *, keep_lines: int, max_live_bytes: int
) -> None:
    """Stage the backups of a log, and the older part of a live log that has grown too large.

    Args:
        log_path: The live log.
        name: Name of the staging folder, and of the future archive.
        page: The log's control page.
        keep_lines: How many of the newest lines stay in the live log.
        max_live_bytes: A live log of at most this size is left alone.

    Raises:
        OSError: The disk is full, or the lock stays held.
    """
    folder = log_path.parent / _FOLDER / name
    make_folder(folder.parent)
    folder.mkdir(SHARED_FOLDER)
    with _locked(page):
        # Writers compare generations before each line. From here on they open the log anew, and
        # those that opened it before look on the page for the length of their file.
        page.next_generation()
        for file in reversed(log_files(log_path)):
            if file != log_path:
                _stage_backup(file, folder, page)
            elif file.stat().st_size > max_live_bytes:
                _stage_older_lines(file, folder, page, keep_lines)
    # The moves reach the disk before the archive does. Otherwise a power cut could undo them, and
    # the lines would be in the archive and in the log.
    for changed in (folder, folder.parent, log_path.parent):
        sync_folder(changed)


def recover(folder: Path, log_path: Path, page: ControlPage) -> None:
    """Roll back the staging of files that a killed cleanup left both staged and in the log.

    Args:
        folder: A staging folder of a cleanup that was killed or that failed.
        log_path: The live log.
        page: The log's control page.
    """
    with _locked(page):
        # A kill may have come after the link to the live log was made and before the new live log
        # replaced it. By now a rotation may have made a backup of that live log, so all files of
        # the log are compared.
        in_the_log = set(map(identity_of, log_files(log_path)))
        for member in staged_members(folder):
            if identity_of(member.path) in in_the_log:
                member.path.unlink()
        (folder / _NEW_LIVE).unlink(missing_ok=True)


def remove_staging_folder(folder: Path) -> None:
    """Remove a staging folder whose files are all archived, or that is empty."""
    (folder / _NEW_LIVE).unlink(missing_ok=True)
    for member in staged_members(folder):
        member.path.unlink()
    folder.rmdir()


def tail_offset(file: IO[bytes], size: int, lines: int) -> int:
    """Return where the newest ``lines`` lines of the first ``size`` bytes begin."""
    start, wanted = size, lines + 1  # one more: the newline before the first of these lines
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


def _stage_backup(file: Path, folder: Path, page: ControlPage) -> None:
    with file.open("rb") as backup:
        status = os.fstat(backup.fileno())
        size = _whole_size(backup)
    # Noted before the file loses its name: a kill in between leaves a note on a file that is still
    # in the log, which does no harm, while a move without a note would lose a late line.
    page.add_tombstone(status_identity(status), size)
    _move(file, folder / f"{file.name}@{size}")


def _move(file: Path, target: Path) -> None:
    """Move a file into a staging folder; a symbolic link, which may be relative, is recreated."""
    if file.is_symlink():
        target.symlink_to(file.resolve())
        file.unlink()
    else:
        file.rename(target)


def _whole_size(file: IO[bytes]) -> int:
    """Return a file's size after waiting briefly for the end of a line that is being written.

    During one append, the kernel lets the size grow page by page. The wait is limited, because a
    line whose writer was killed never ends.
    """
    for _ in range(_SIZE_POLLS):
        size = os.fstat(file.fileno()).st_size
        if not size or os.pread(file.fileno(), 1, size - 1) == b"\n":
            break
        time.sleep(_SIZE_POLL_SECONDS)
    return size


def _stage_older_lines(live: Path, folder: Path, page: ControlPage, keep_lines: int) -> None:
    new_live = folder / _NEW_LIVE
    with live.open("rb") as old, open(new_live, "wb", opener=shared_opener) as new:
        status = os.fstat(old.fileno())
        offset = tail_offset(old, status.st_size, keep_lines)
        if not offset:
            return
        # Writers must be able to go on: same mode, same owner.
        os.fchmod(new.fileno(), status.st_mode & 0o7777)
        os.fchown(new.fileno(), status.st_uid, status.st_gid)
        # Most is copied and synced now, while writers go on: in the swap below they wait for us.
        _copy_range(old, new, offset, status.st_size)
        os.fsync(new.fileno())
        with page.swapping():
            size = _whole_size(old)
            _copy_range(old, new, status.st_size, size)
            page.add_tombstone(status_identity(status), size)
            (folder / f"{live.name}@{offset}").hardlink_to(live)
            new_live.replace(live)  # staged from here on; until here, recover() drops the link
        os.fsync(new.fileno())  # what was added while swapping; the old file is removed soon


def _copy_range(old: IO[bytes], new: IO[bytes], start: int, end: int) -> None:
    for at in range(start, end, _BLOCK):
        new.write(os.pread(old.fileno(), min(_BLOCK, end - at), at))
    new.flush()
