"""URLs in the configuration file."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["base_url", "http_url"]

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


def base_url(text: str) -> str:
    """Return a URL to which paths can be added, without a slash at its end.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(http_url(text))
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("write a URL without a password, `?` and `#`; paths are added to it")
    return text.rstrip("/")
