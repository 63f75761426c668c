"""Structures as text that is safe in a URL."""

from __future__ import annotations

import base64
from typing import Any, TypeVar

import msgspec

__all__ = ["decode_text", "encode_text"]

_Decoded = TypeVar("_Decoded")


def encode_text(value: Any) -> str:
    """Encode a value: MessagePack in base64url without padding."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(value)).decode().rstrip("=")


def decode_text(text: str, kind: type[_Decoded]) -> _Decoded:
    """Decode the text of :func:`encode_text`.

    Raises:
        ValueError: It is invalid, or of another type.
    """
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    return msgspec.msgpack.decode(raw, type=kind)
