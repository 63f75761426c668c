"""Reduces an SQL statement to its shape: what it does, without any value."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ._statements import BACKSLASHED, DELIMITED_TEXT, tokens_of

__all__ = ["statement_shape"]

_LONGEST: Final = 500
_READ: Final = 4_000  # characters; the rest of a wider statement says nothing new
_VALUE: Final = "?"
_PLACEHOLDER: Final = re.compile(r"(?<![:\w]):[^\W\d]\w*|\$\d+|%\(\w+\)s|%s")
_LIST: Final = re.compile(r"\?(?: ?, ?\?)+")
_ROWS: Final = re.compile(r"\( ?\?(?:, \.\.\.)? ?\)(?: ?, ?\( ?\?(?:, \.\.\.)? ?\))+")
_TIGHT: Final = re.compile(r" ?([(.]) ?| ([),;])")


@lru_cache(maxsize=256)
def statement_shape(statement: str, *, quotes_are_names: bool) -> str:
    """Return a statement with a ``?`` for each value and parameter, in one line.

    Args:
        statement: SQL of any dialect.
        quotes_are_names: Whether double quotes hold names, as in standard SQL; in MySQL they hold
            text.

    Returns:
        At most 500 characters; lists of values are cut to ``?, ...``.
    """
    text = statement[:_READ]
    text = DELIMITED_TEXT.sub(_VALUE, text) if quotes_are_names else BACKSLASHED.sub("", text)
    text = _PLACEHOLDER.sub(_VALUE, text)
    words = [_word(kind, word, quotes_are_names) for kind, word, _ in tokens_of(text)]
    shape = _TIGHT.sub(r"\1\2", " ".join(words)).replace(" : : ", "::")
    shape = _ROWS.sub(r"(?, ...), ...", _LIST.sub("?, ...", shape))
    return shape if len(shape) <= _LONGEST else f"{shape[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _word(kind: str, word: str, quotes_are_names: bool) -> str:
    if kind == "text" or (kind == "sign" and word[0].isdigit()):
        return _VALUE
    if kind == "quoted" and word.startswith('"') and not quotes_are_names:
        return _VALUE
    return word
