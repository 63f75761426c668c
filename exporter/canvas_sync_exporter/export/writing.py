"""Writes files into a user's folder and never loses what the user has changed there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from canvas_sync_core.errors import CanvasSyncMonitorError

__all__ = ["ExportError", "Outcome", "write"]


class ExportError(CanvasSyncMonitorError):
    """The files cannot be written; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one file.

    Attributes:
        path: The file.
        is_written: Whether it was written; otherwise it had the same content already.
    """

    path: Path
    is_written: bool


def write(folder: Path, files: Mapping[str, str], *, force: bool) -> list[Outcome]:
    """Write all files, or none if one is in the way; of a symbolic link, the target is written.

    Args:
        folder: Where to write; created if missing.
        files: Text by path relative to the folder.
        force: Whether to overwrite files with different content.

    Raises:
        ExportError: A file with different content, or something that is not a file, is in the way;
            or a file cannot be read or written.
    """
    contents = {folder / name: text.encode() for name, text in files.items()}
    with _explaining(folder, written=[]):
        outcomes = _plan(folder, contents, force=force)
    changed = [each.path for each in outcomes if each.is_written]
    for number, path in enumerate(changed):
        with _explaining(folder, written=changed[:number]):
            _replace(path.resolve(), contents[path])
    return outcomes


@contextmanager
def _explaining(folder: Path, written: Sequence[Path]) -> Iterator[None]:
    """Say what to do about a failure, and which files were written before it."""
    try:
        yield
    except OSError as error:
        before = f"Written before it: {_listed(written)}." if written else "Nothing was written."
        raise ExportError(
            f"The files cannot be written to {folder}: {error.strerror}. {before} Choose a folder "
            "in which you may write, then export again."
        ) from error


def _plan(folder: Path, contents: Mapping[Path, bytes], *, force: bool) -> list[Outcome]:
    """Find out which files have to be written, and whether they may be."""
    _refuse_obstacles(folder, contents)
    outcomes = [Outcome(path, _read(path) != content) for path, content in contents.items()]
    different = [each.path for each in outcomes if each.is_written and each.path.exists()]
    if different and not force:
        raise ExportError(
            f"{_listed(different)} would be overwritten with different content. Nothing was "
            "written. Export to another folder and compare, or overwrite with --force."
        )
    return outcomes


def _refuse_obstacles(folder: Path, contents: Mapping[Path, bytes]) -> None:
    """Refuse what stands where a folder or a file belongs."""
    for path in contents:
        parents = [each for each in path.parents if each == folder or folder in each.parents]
        for parent in reversed(parents):
            if os.path.lexists(parent) and not parent.is_dir():
                raise ExportError(f"{parent} is not a folder. Name another one.")
        if os.path.lexists(path) and not path.is_file():
            raise ExportError(f"{path} is not a file. Remove it, or name another folder.")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader, such as Prometheus, never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            os.fchmod(fd, _mode(path, content))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _mode(path: Path, content: bytes) -> int:
    """Keep the mode of an existing file, which may hold a secret by now."""
    if path.exists():
        return path.stat().st_mode & 0o777
    return 0o755 if content.startswith(b"#!") else 0o644


def _listed(paths: Sequence[Path]) -> str:
    shown = ", ".join(map(str, paths[:5]))
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more files"
