"""Wraps long texts between words, and paths before a slash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["flowed", "wrapped"]

_PIECES: Final = re.compile(r"\s+|/[^\s/]*|[^\s/-]+-?|-")


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text; a word that is wider than a line is cut.

    Args:
        text: The text, on one line.
        width: Characters per line, at least 1.
    """
    if len(text) <= width:
        return [text]
    lines, line = [], ""
    for piece in _PIECES.findall(text):
        if len(line) + len(piece.rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            line = ""
        line = line + piece if line else piece.lstrip()
        while len(line.rstrip()) > width:
            lines.append(line[:width])
            line = line[width:]
    return [*lines, line.rstrip()] if line.strip() else lines or [""]


def flowed(texts: Iterable[str], width: int, gap: int) -> Iterator[list[str]]:
    """Yield lines of texts that fit side by side; only a text that is too wide is wrapped.

    Args:
        texts: The texts; one that is wider than a line gets separate lines.
        width: Characters per line, at least 1.
        gap: Number of spaces between two texts.
    """
    line: list[str] = []
    for text in texts:
        if line and sum(map(len, line)) + gap * len(line) + len(text) <= width:
            line.append(text)
            continue
        if line:
            yield line
        *full, last = wrapped(text, width)
        yield from ([each] for each in full)
        line = [last]
    if line:
        yield line
