"""Lines of the logs as the page shows them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec
from markupsafe import escape

from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_exporter.logs.line_fields import text_field
from canvas_sync_exporter.logs.lines import STAMP
from canvas_sync_exporter.logs.search import FoundLine, LinePosition

from .view import View

__all__ = ["ShownLine", "shown_line", "without_clock"]

_LINE_CHARACTERS: Final = 2000
_MARKUP_BYTES: Final = 260
"""What a line needs beside its texts."""
_FIELD_BYTES: Final = 9
_IN_SUMMARY: Final = frozenset({"message", "timestamp", "level", "log"})
_KINDS: Final = {"CRITICAL": "failed", "ERROR": "failed", "WARNING": "partial"}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line, with control characters escaped and cut to 2,000 characters.

    Attributes:
        clock: When it was written, in the zone of the page.
        kind: CSS class of its level.
        fields: Everything else that it says: name and text.
        whole_url: Everything that it says; empty if nothing was cut off.
        position: Where it is.
        url: The page with this line and those around it.
        run_url: The page of its run; empty if it belongs to none.
    """

    log: str
    time: dt.datetime
    clock: str
    level: str
    kind: str
    message: str
    fields: list[tuple[str, str]]
    whole_url: str
    position: str
    url: str
    run_url: str

    @property
    def size(self) -> int:
        """Approximately how many bytes of a page it takes."""
        fields = [part for pair in self.fields for part in pair]
        texts = [self.message, self.url, self.run_url, *fields]
        escaped = sum(len(str(escape(text)).encode()) for text in texts)
        return _MARKUP_BYTES + _FIELD_BYTES * len(self.fields) + escaped


def shown_line(view: View, found: FoundLine) -> ShownLine:
    """Show a line on a page.

    Args:
        view: The page; links keep its filters.
        found: The line.
    """
    position = LinePosition.of(found).encode()
    level = str(found.fields.get("level") or "INFO")[:20]
    texts = _CharacterBudget()
    message = texts.take(without_clock(str(found.fields.get("message", ""))))
    fields = [
        (texts.take(name), texts.take(_text(value)))
        for name, value in found.fields.items()
        if name not in _IN_SUMMARY and value is not None
    ]
    task_id = text_field(found.fields, "task_id")
    local = found.time.astimezone(view.zone)
    return ShownLine(
        log=found.log.value,
        time=found.time,
        clock=f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}",
        level=escape_controls(level),
        kind=_KINDS.get(level, "faint"),
        message=message,
        fields=fields,
        whole_url=f"{view.root}logs/line?position={position}" if texts.is_cut else "",
        position=position,
        url=view.here(position=position, cursor=None, order=None),
        run_url=_run_url(view, task_id) if task_id else "",
    )


def without_clock(message: str) -> str:
    """Return a message without the clock at its start, which is in the zone of its process."""
    clock = STAMP.match(message)
    return message if clock is None else message[clock.end() :]


class _CharacterBudget:
    """Cuts texts off after a number of characters in all of them together."""

    def __init__(self) -> None:
        self.left = _LINE_CHARACTERS
        self.is_cut = False

    def take(self, text: str) -> str:
        """Return the part of a text that there is still room for."""
        safe = escape_controls(text[: self.left])
        self.is_cut |= max(len(text), len(safe)) > self.left
        safe = safe[: self.left]
        self.left -= len(safe)
        return safe


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _run_url(view: View, task_id: str) -> str:
    return f"{view.root}runs/task/{quote(task_id, safe='', errors='replace')}"
