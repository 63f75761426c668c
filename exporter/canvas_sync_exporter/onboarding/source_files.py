"""Reads the Python files of a project as syntax trees, in bounded time and memory."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canvas_sync_core.files.regular_file import read_regular_bytes

__all__ = ["Limits", "SourceFile", "UnreadFile", "read_sources"]

_FOREIGN: Final = frozenset({"node_modules", "site-packages", "__pycache__", "test", "tests"})
"""Folders with code that is not the sync; virtual environments are known by their file."""
_ENVIRONMENT: Final = "pyvenv.cfg"
_UNPARSABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at most.

    Attributes:
        folders: Number of folders.
        files: Number of Python files.
        size: Bytes of all of them together.
    """

    folders: int = 5000
    files: int = 2000
    size: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read.

    Attributes:
        path: The file, relative to the project.
        tree: Its syntax tree.
    """

    path: Path
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file or folder that was not read, or the first one after a limit was reached.

    Attributes:
        path: The path, relative to the project.
        reason: Why.
    """

    path: Path
    reason: str


def read_sources(folder: Path, limits: Limits | None = None) -> Iterator[SourceFile | UnreadFile]:
    """Yield each Python file, one at a time: the tree of a large file takes much memory.

    Hidden folders, virtual environments and tests are left out, and so is what links to folders
    lead to.

    Args:
        folder: The project.
        limits: How much to read; at the first limit the search ends.
    """
    limits = limits or Limits()
    files, size = 0, 0
    for each in _python_files(folder, limits.folders):
        if isinstance(each, UnreadFile):
            yield each
            continue
        if files == limits.files:
            yield UnreadFile(each, f"more than {limits.files:,} Python files")
            return
        files += 1
        try:
            source = read_regular_bytes(folder / each)
            size += len(source)
            if size > limits.size:
                yield UnreadFile(each, f"more than {limits.size:,} bytes of Python files")
                return
            yield SourceFile(each, _parse(source))
        except OSError as error:
            yield UnreadFile(each, error.strerror or str(error))
        except SyntaxError as error:
            yield UnreadFile(each, f"line {error.lineno or 0} is not Python: {error.msg}")
        except _UNPARSABLE as error:
            yield UnreadFile(each, str(error) or "it is nested too deeply")


def _python_files(project: Path, most_folders: int) -> Iterator[Path | UnreadFile]:
    errors: list[OSError] = []
    walk = os.walk(project, onerror=errors.append)
    for number, (name, folders, files) in enumerate(walk):
        folder = Path(name)
        if number == most_folders:
            yield UnreadFile(folder.relative_to(project), f"more than {most_folders:,} folders")
            return
        folders[:] = [each for each in sorted(folders) if not _is_foreign(folder / each)]
        for each in sorted(files):
            if each.endswith(".py") and not _is_test(each):
                yield (folder / each).relative_to(project)
    for error in errors:
        yield UnreadFile(Path(os.path.relpath(error.filename, project)), error.strerror or "")


def _is_foreign(folder: Path) -> bool:
    is_hidden = folder.name.startswith(".") or folder.name in _FOREIGN
    return is_hidden or os.path.lexists(folder / _ENVIRONMENT)


def _is_test(name: str) -> bool:
    return name.startswith(("test_", ".")) or name == "conftest.py"


def _parse(source: bytes) -> ast.Module:
    """Parse a file in the encoding that it declares, as Python does."""
    with warnings.catch_warnings():  # about odd literals of the user's code
        warnings.simplefilter("ignore")
        return ast.parse(source)
