"""How a text may be spelled in a raw line."""

from __future__ import annotations

import re

import msgspec

__all__ = ["in_json", "spellings"]


def spellings(text: str) -> tuple[bytes, ...]:
    """Return the bytes that stand for a text in a line: plain, and with JSON escapes."""
    plain = text.encode("utf-8", "backslashreplace")
    return tuple(dict.fromkeys((plain, in_json(text)[1:-1])))


def in_json(value: str | int) -> bytes:
    """Return a value as our own writer spells it in JSON."""
    if isinstance(value, str):
        value = re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value)
    return msgspec.json.encode(value)
