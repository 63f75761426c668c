"""Makes text safe, so that it cannot forge a line or change its writing direction."""

from __future__ import annotations

import re
from typing import Final

from canvas_sync_core.patterns import late_pattern

__all__ = ["escape_controls", "escape_json_controls"]

# C0, DEL, C1, the two Unicode line separators, characters that change the writing direction, and
# surrogates (which UTF-8 cannot encode).
_UNSAFE: Final = late_pattern(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    r"""Replace control characters by visible escapes such as ``\n``, ``\x1b`` or ``\u202e``.

    So are line separators, characters that change the writing direction, and lone surrogates.
    """
    if text.isprintable():  # none of them is printable, so the common case costs only one call
        return text
    return _UNSAFE.sub(_escaped, text)


def escape_json_controls(document: str) -> str:
    """Escape the same characters in a one-line JSON document, without changing its meaning."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
