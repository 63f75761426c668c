"""Which names sync types can have."""

from __future__ import annotations

from typing import Final

__all__ = ["NAME_HINT", "is_sync_type"]

_LONGEST_NAME: Final = 64
"""An app's longer names are shortened when they are recorded."""

NAME_HINT: Final = f"write names of 1 to {_LONGEST_NAME} printable characters"


def is_sync_type(name: str) -> bool:
    """Return whether a run can have this sync type, as it is recorded."""
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()
