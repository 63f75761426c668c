"""Searches for thousands of texts in the time that one of them takes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import re2

__all__ = ["any_of"]

_BYTES_OF_MEMORY = 1 << 28


def any_of(texts: Iterable[str]) -> re2._Regexp[bytes]:
    """Return a pattern for UTF-8 that finds each of the texts."""
    return _compiled(frozenset(texts))


@cache
def _compiled(texts: frozenset[str]) -> re2._Regexp[bytes]:
    options = re2.Options()
    options.max_mem = _BYTES_OF_MEMORY
    options.encoding = re2.Options.Encoding.LATIN1  # so that any bytes may be around them
    return re2.compile(b"|".join(re2.escape(text.encode()) for text in texts), options)
