"""Why something failed, in one line."""

from __future__ import annotations

import os

from canvas_sync_core.files.sanitizing import escape_controls

__all__ = ["reason"]


def reason(error: BaseException) -> str:
    """Return why something failed, without the statement that SQLAlchemy adds.

    A server may have put anything into the text, so control characters are escaped.
    """
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError) and cause.filename is not None and cause.strerror:
        return escape_controls(f"{_path_of(cause.filename)}: {cause.strerror}")
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {escape_controls(lines[0])}" if lines else type(cause).__name__


def _path_of(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)
