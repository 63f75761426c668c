"""Text that cannot forge a line."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["escape_controls"]

# C0, DEL, C1, the two Unicode line separators, and surrogates (which UTF-8 cannot carry).
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    r"""Write each control character, line separator and lone surrogate as ``\n`` or ``\x1b``."""
    if text.isprintable():  # none of them is printable: the common case costs one call
        return text
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
