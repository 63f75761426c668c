"""Making an app's metadata fit for the row: plain JSON, bounded, without secrets."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .canvas.redaction import REMOVED, redact, text_of

__all__ = ["clean_metadata"]

_DEPTH = 4
_ENTRIES = 100
_KEY_LENGTH = 100
_SHORT = 40
_SECRET_KEY = re.compile(r"token|secret|passw|api[_-]?key|authorization|cookie", re.IGNORECASE)


def clean_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Copy ``metadata`` as plain JSON values.

    Texts lose secrets and e-mail addresses and are cut to 500 characters; a value goes whole when
    its key is that of a secret (``access_token``). Other objects become their text; what lies
    deeper than 4 levels or beyond 100 entries is left out.
    """
    return _clean_mapping(metadata, _DEPTH)


def _clean_mapping(mapping: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    cleaned = {}
    for key in list(mapping)[:_ENTRIES]:
        text = text_of(key)
        clean = _known_key if text.isidentifier() and len(text) <= _SHORT else _cleaned_key
        name, is_secret = clean(text)
        cleaned[name] = REMOVED if is_secret else _clean(mapping[key], depth)
    return cleaned


def _cleaned_key(key: str) -> tuple[str, bool]:
    return redact(key, _KEY_LENGTH), _SECRET_KEY.search(key) is not None


_known_key = lru_cache(maxsize=256)(_cleaned_key)
"""For names: the runs of an app have the same ones, and nothing else is to stay in memory."""


def _clean(value: object, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > 0 and isinstance(value, Mapping):
        return _clean_mapping(value, depth - 1)
    if depth > 0 and isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(element, depth - 1) for element in list(value)[:_ENTRIES]]
    return redact(text_of(value))
