"""Reads files of variables, as ``.env`` and the ``EnvironmentFile=`` of systemd."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from canvas_sync_core.files.regular_file import read_regular_file

__all__ = ["read_env_file"]

_ASSIGNMENT: Final = re.compile(
    r"\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*"
    r"""(?:(?P<quote>['"])(?P<quoted>.*?)(?P=quote)|(?P<plain>[^'"#]*?))\s*(?:#.*)?"""
)


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables that a file sets; none if it cannot be read.

    A value over several lines is left out.
    """
    try:
        lines = read_regular_file(path).text.splitlines()
    except (OSError, ValueError):
        return {}
    matches = filter(None, map(_ASSIGNMENT.fullmatch, lines))
    return {match["name"]: match["quoted"] or match["plain"] or "" for match in matches}
