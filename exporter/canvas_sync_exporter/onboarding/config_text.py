"""The text of a new configuration file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from canvas_sync_core.files.sanitizing import escape_controls

from .planned_sync import PlannedSync

__all__ = ["config_text", "sync_section"]

_BEGINNING: Final = """\
# When syncs should run, and where to send messages about them.
# `canvas-sync-monitor config check` shows what this file means.
"""
_LEARNED: Final = (
    '# Learned from its runs, unless you write schedule = "0 2 * * *" or every = "15m".'
)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def config_text(syncs: Iterable[PlannedSync]) -> str:
    """Return a file with a section for each sync."""
    return "\n".join([_BEGINNING, *map(sync_section, syncs)])


def sync_section(sync: PlannedSync) -> str:
    """Return the section of a sync."""
    lines = [f"[syncs.{_key(sync.sync_type)}]"]
    if sync.job is not None:
        origin = f"{sync.job.place}: {sync.job.command}"
        lines.append(f"# {escape_controls(origin)}")
    if sync.timing.schedule:
        lines.append(f"schedule = {_string(sync.timing.schedule)}")
        if sync.zone:
            lines.append(f"timezone = {_string(sync.zone)}")
    elif sync.timing.every:
        lines.append(f"every = {_string(sync.timing.every)}")
    else:
        lines.append(_LEARNED)
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    """Return a basic string of TOML; JSON escapes all that it has to, except for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
