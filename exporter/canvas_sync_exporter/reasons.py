"""Why something failed, in one line."""

from __future__ import annotations

__all__ = ["reason"]


def reason(error: BaseException) -> str:
    """Return why something failed, without the statement that SQLAlchemy adds."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__
