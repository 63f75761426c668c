"""Making an app's metadata fit for the row: plain JSON, bounded, without secrets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .canvas.redaction import redact

__all__ = ["clean_metadata"]

_DEPTH = 4
_ENTRIES = 100
_KEY_LENGTH = 100


def clean_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Copy ``metadata`` as plain JSON values.

    Texts lose secrets and e-mail addresses and are cut to 500 characters; other objects become
    their text; what lies deeper than 4 levels or beyond 100 entries is left out.
    """
    return {
        redact(str(key), 100): _clean(metadata[key], _DEPTH) for key in list(metadata)[:_ENTRIES]
    }


def _clean_mapping(mapping: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    keys = list(mapping)[:_ENTRIES]
    return {redact(str(key), _KEY_LENGTH): _clean(mapping[key], depth) for key in keys}


def _clean(value: object, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > 0 and isinstance(value, Mapping):
        return _clean_mapping(value, depth - 1)
    if depth > 0 and isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(element, depth - 1) for element in list(value)[:_ENTRIES]]
    return redact(str(value))
