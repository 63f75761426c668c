"""What Canvas says about a failure, out of the several shapes in which it says it.

Source: https://canvas.instructure.com/doc/api/file.errors.html and the answers of Canvas itself:
``{"errors": [{"message": ...}]}``, ``{"errors": {"field": [{"message": ...}]}}``,
``{"message": ...}``, and OAuth's ``{"error": ..., "error_description": ...}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

__all__ = ["message_in", "message_of_body"]

_TEXT_KEYS: Final = ("message", "error_description", "error", "errors")
_MOST_MESSAGES: Final = 3
_DEEPEST: Final = 6


def message_of_body(body: str) -> str | None:
    """Return the message inside a JSON body; None when there is none. It is not redacted yet."""
    if not body.lstrip().startswith(("{", "[")):
        return None
    try:
        return message_in(json.loads(body))
    except (ValueError, RecursionError):
        return None


def message_in(document: Any) -> str | None:
    """Return the first messages inside a decoded document, joined by ``; ``."""
    return "; ".join(dict.fromkeys(islice(_messages(document, 0), _MOST_MESSAGES))) or None


def _messages(node: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for item in node:
            if isinstance(item, str) and depth:
                yield item
            else:
                yield from _messages(item, depth + 1)
    elif isinstance(node, dict):
        text = next((node[key] for key in _TEXT_KEYS if isinstance(node.get(key), str)), None)
        if text:
            yield text
        for inner in () if text else _inside(node, depth):
            yield from _messages(inner, depth + 1)


def _inside(node: dict[str, Any], depth: int) -> Iterable[Any]:
    """Give where to look on: an answer that has no ``errors`` is data, and nobody's business."""
    if "errors" in node:
        return (node["errors"],)
    return node.values() if depth else ()
