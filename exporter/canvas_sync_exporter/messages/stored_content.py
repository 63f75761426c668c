"""The content of a message as the outbox stores it: a JSON object with bounded, safe texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from canvas_sync_core.files.sanitizing import escape_controls

from .content import Content

__all__ = ["LONGEST_TEXT", "from_json", "to_json"]

LONGEST_TEXT: Final = 20_000
"""A longer text is cut with a mark; no channel shows more of it."""


def to_json(content: Content) -> dict[str, Any]:
    """Return the JSON object of a content.

    Texts are cut at :data:`LONGEST_TEXT` characters. Control characters are escaped, because
    PostgreSQL rejects some of them and others change how a message looks.
    """
    return dict(_safe(msgspec.to_builtins(content)))


def from_json(stored: Mapping[str, Any]) -> Content:
    """Return the content from its JSON object.

    Raises:
        ValueError: The object is not a content; someone edited the row, or a newer version of this
            program wrote it.
    """
    try:
        return msgspec.convert(stored, Content)
    except msgspec.ValidationError as error:
        raise ValueError(f"The stored content cannot be read: {error}") from error


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return _bounded(escape_controls(value))
    if isinstance(value, dict):
        return {name: _safe(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(each) for each in value]
    return value


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    mark = f"… (cut, {len(text):,} characters)"
    return f"{text[: LONGEST_TEXT - len(mark)]}{mark}"
