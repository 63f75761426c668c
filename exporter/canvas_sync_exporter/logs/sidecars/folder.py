"""The sidecars in the folder of the archives: ``errors-20251222T020000Z.sidecar`` and the like."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Final

from canvas_sync_core.files.log_names import ARCHIVE_SUFFIX, FileKind, live_name, parse_name
from canvas_sync_core.files.modes import shared_opener
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import ArchiveDamagedError, archives
from canvas_sync_exporter.logs.parts import parts
from canvas_sync_exporter.logs.sources import archive_source

from .archive_summary import ArchiveSummary
from .fingerprint import fingerprint
from .sidecar import DamagedSidecarError, Sidecar

__all__ = ["complete_sidecars", "read_sidecar", "sidecar_path", "write_sidecar"]

_SUFFIX: Final = ".sidecar"
_LARGEST: Final = 64 * 1024 * 1024


def sidecar_path(archive: Path) -> Path:
    """Return where the sidecar of an archive is."""
    return archive.with_name(archive.name.removesuffix(ARCHIVE_SUFFIX) + _SUFFIX)


def read_sidecar(archive: Path, zone: dt.tzinfo) -> Sidecar | None:
    """Read the sidecar of an archive.

    Args:
        archive: The archive.
        zone: Time zone of the times in human-readable lines.

    Returns:
        None if it is missing, damaged, of another file, or made for another time zone.
    """
    try:
        with sidecar_path(archive).open("rb") as raw:
            sidecar = Sidecar.decode(raw.read(_LARGEST))
        is_of_it = sidecar.archive == fingerprint(archive)
    except (OSError, DamagedSidecarError):
        return None
    return sidecar if is_of_it and sidecar.zone in ("", str(zone)) else None


def complete_sidecars(folder: Path, zone: dt.tzinfo, *, seconds: float) -> list[str]:
    """Write the sidecars that are missing or damaged, newest archive first, and delete stray ones.

    Args:
        folder: Folder of the archives; may be missing.
        zone: Time zone of the times in human-readable lines.
        seconds: Time limit; those that are left are written next time.

    Returns:
        Which sidecars could not be written, and why.
    """
    problems: list[str] = []
    deadline = time.monotonic() + seconds
    try:
        _delete_stray(folder)
        found = archives(folder)
    except OSError as error:
        return [f"the sidecars of the archives cannot be listed: {error}"]
    for archive in reversed(found):
        if time.monotonic() >= deadline:
            break
        if read_sidecar(archive.path, zone) is None:
            try:
                summary = ArchiveSummary(archive.log, zone)
                for part in parts(archive_source(archive)):
                    summary.add(part)
                write_sidecar(archive.path, summary)
            except FileNotFoundError:  # the archive was deleted
                continue
            except OSError as error:
                problems.append(f"{sidecar_path(archive.path).name} was not written: {error}")
                if not isinstance(error, ArchiveDamagedError):  # no others can be written either
                    break
    return problems


def _delete_stray(folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in folder.glob(f".*{_SUFFIX}.partial"):  # of a cleanup that was killed
        path.unlink(missing_ok=True)
    for path in folder.iterdir():
        name = f"{path.name.removesuffix(_SUFFIX)}{ARCHIVE_SUFFIX}"
        is_ours = path.name.endswith(_SUFFIX) and any(
            (parsed := parse_name(live_name(log), name)) and parsed.kind is FileKind.ARCHIVE
            for log in Log
        )
        if is_ours and not path.with_name(name).exists():
            path.unlink(missing_ok=True)


def write_sidecar(archive: Path, summary: ArchiveSummary) -> None:
    """Write the sidecar of an archive.

    Args:
        archive: The archive.
        summary: What has been read from it.

    Raises:
        OSError: The disk is full, the archive is gone, ...
    """
    path = sidecar_path(archive)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb", opener=shared_opener) as raw:
            raw.write(summary.sidecar(archive).encode())
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
