"""The cookie of a visitor who has signed in with a token.

The cookie names the token only by a signature that depends on the token's digest. So it stops being
valid as soon as the token is no longer in the file, and it reveals nothing about the token. The key
of the signature is in a separate file, so being able to read the tokens file is not enough to make
a cookie.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from itsdangerous import BadSignature, URLSafeTimedSerializer

from canvas_sync_core.files.modes import PRIVATE_FILE, make_folder, open_owned
from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_exporter.web.auth import Token

__all__ = ["COOKIE", "SESSION_SECONDS", "Sessions"]

COOKIE: Final = "canvas_sync_ui"
SESSION_SECONDS: Final = 30 * 24 * 3600
"""A visitor signs in again after 30 days."""

_KEY_BYTES: Final = 32
_LONGEST: Final = 1000
_log = logging.getLogger(__name__)


class Sessions:
    """Makes and checks cookies.

    Args:
        key_file: The file with the key of the signature. It is created when the first visitor signs
            in. If it cannot be, a key in memory is used, and a restart signs all visitors out.
    """

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file

    def make(self, token: Token) -> str:
        """Return the value of the cookie of a visitor who has shown a token."""
        return str(self._serializer(token).dumps(token.name))

    def find(self, cookie: str, tokens: Sequence[Token]) -> Token | None:
        """Return the token that a cookie was made for, if it is one of ``tokens``."""
        if not 0 < len(cookie) <= _LONGEST:
            return None
        for token in tokens:
            try:
                self._serializer(token).loads(cookie, max_age=SESSION_SECONDS)
            except BadSignature:  # also when it has expired
                continue
            return token
        return None

    def _serializer(self, token: Token) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._key, salt=f"{COOKIE} {token.name} {token.scope} {token.digest}"
        )

    @cached_property
    def _key(self) -> str:
        try:
            return _shared_key(self._key_file)
        except (OSError, ValueError) as error:
            _log.warning("A restart signs visitors of the web pages out: %s", error)
            return secrets.token_hex(_KEY_BYTES)


def _shared_key(path: Path) -> str:
    """Return the key in a file; create it if it is missing.

    Several processes may do so at the same time: the first one to link its file wins.

    Raises:
        OSError: The file cannot be read or created.
        ValueError: It is not a key.
    """
    if not path.exists():
        make_folder(path.parent)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with open(open_owned(draft, flags, PRIVATE_FILE), "w") as file:  # noqa: PTH123 - has the mode
                file.write(secrets.token_hex(_KEY_BYTES))
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    key = read_regular_file(path).text.strip()
    if len(key) != 2 * _KEY_BYTES:
        raise ValueError(f"{path} is not a key; remove it")
    return key
