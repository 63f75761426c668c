"""Text that cannot forge a line, nor show it in another order."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["escape_controls", "escape_json_controls"]

# C0, DEL, C1, the two Unicode line separators, what turns the direction of writing, and surrogates
# (which UTF-8 cannot carry).
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    r"""Write each control character, of directions too, as ``\n``, ``\x1b`` or ``\u202e``.

    So are line separators and lone surrogates.
    """
    if text.isprintable():  # none of them is printable: the common case costs one call
        return text
    return _UNSAFE.sub(_escaped, text)


def escape_json_controls(document: str) -> str:
    """Write the same characters in a JSON document of one line as JSON does; it stays the same."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
