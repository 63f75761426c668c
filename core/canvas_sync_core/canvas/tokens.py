"""Identifies an access token by a short hash, never by the token itself.

The hash is the first 8 hexadecimal digits of the token's SHA-256, a common way of distinguishing
secrets. Canvas tokens consist of dozens of random characters
(https://canvas.instructure.com/doc/api/file.oauth.html): from a 32-bit hash the token cannot be
recovered, nor can a guess be verified, since billions of tokens share it. It is not keyed, so it is
the same in each process, on each host, and when an operator computes it by hand.
"""

from __future__ import annotations

import re
from typing import Final

from canvas_sync_core.patterns import late_pattern

__all__ = ["TokenNames", "token_hash", "token_in"]

_DIGITS: Final = 8
_MOST_TOKENS: Final = 1000
_BEARER: Final = late_pattern(r"\s*bearer\s+(\S+)\s*", re.IGNORECASE)
_IN_QUERY: Final = late_pattern(r"(?:^|&)access_token=([^&]+)")


def token_hash(token: str) -> str:
    """Return the short hash of a token."""
    from hashlib import sha256  # noqa: PLC0415 - loads OpenSSL, which many short jobs need not do

    return sha256(token.encode(errors="replace")).hexdigest()[:_DIGITS]


def token_in(authorization: str | bytes | None, query: str) -> str | None:
    """Return the short hash of the token in a request; None if there is none.

    Args:
        authorization: The header ``Authorization``.
        query: Query string of the URL, where Canvas also accepts ``access_token=``.
    """
    if "access_token=" not in query:
        if authorization is None:
            return None
        query = ""
    key = hash((authorization, query))
    known = _known_hashes.get(key)
    if known is None:
        if isinstance(authorization, bytes):
            authorization = authorization.decode("latin-1")
        known = _hash_in(authorization, query)
        if known is not None and len(_known_hashes) < _MOST_TOKENS:
            _known_hashes[key] = known
    return known


def _hash_in(authorization: str | None, query: str) -> str | None:
    found = _BEARER.fullmatch(authorization or "") or (
        _IN_QUERY.search(query) if "access_token=" in query else None
    )
    return token_hash(found[1]) if found else None


_known_hashes: Final[dict[int, str]] = {}
"""Python's hash of the header and query -> short hash of the token. No token is stored."""


class TokenNames:
    """Distinguishes the quotas that one token has on several Canvas installations.

    A copy of an installation, such as its test environment, accepts the same tokens but has its own
    quotas. On the first host where a token is used, its name is just the hash.
    """

    def __init__(self) -> None:
        self._first_hosts: dict[str, str] = {}

    def name_at(self, host: str, token: str) -> str:
        """Return the name of a token's quota on a host: the hash, or ``hash@host``."""
        first = self._first_hosts.get(token)
        if first is None:
            if len(self._first_hosts) >= _MOST_TOKENS:
                return token
            first = self._first_hosts.setdefault(token, host)
        return token if first == host else f"{token}@{host}"
