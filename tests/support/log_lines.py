"""What is in a log that processes may still be writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["records_in"]


def records_in(log: Path) -> list[dict[str, Any]]:
    """Read the lines that are whole; each must be JSON, and none torn.

    The end of a line that is being written is not there yet, and a blank line says nothing: it is
    left by a process that opened the log in the middle of another's write.
    """
    content = log.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.split(b"\n") if line]
