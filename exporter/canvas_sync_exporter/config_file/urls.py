"""URLs in the configuration file."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["http_url"]

_HINT: Final = "write a URL that begins with https:// or http://"


def http_url(text: str) -> str:
    """Return a URL that can be called.

    Raises:
        ValueError: It is none. The message does not repeat it, because it may contain a key.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{_HINT}; its host or port is invalid") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable():
        raise ValueError(_HINT)
    if " " in text or not text.isascii():
        raise ValueError(f"{_HINT}, with other characters percent-encoded")
    return text
