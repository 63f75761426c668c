"""Access tokens: the file with their hashes, and their scopes.

One token per line: ``name scope sha256:<hash>``, ``#`` starts a comment. A token has over 190
random bits, so a plain SHA-256 cannot be reversed. The token itself is stored nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.files.identity import status_identity
from canvas_sync_core.files.modes import PRIVATE_FILE, open_owned
from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_core.locks import Lock

__all__ = ["Scope", "Token", "TokenFile", "append_token", "hash_token", "new_token", "parse_tokens"]

_LINE = re.compile(r"(?P<name>[\w.@-]{1,100}) +(?P<scope>\S+) +sha256:(?P<digest>[0-9a-f]{64})")
_log = logging.getLogger(__name__)


class Scope(StrEnum):
    """The scope of a token."""

    READ = "read"
    METRICS = "metrics"
    ADMIN = "admin"

    def covers(self, needed: Scope) -> bool:
        """Whether a token of this scope covers the scope ``needed``."""
        return self in (needed, Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Token:
    """One line of the tokens file."""

    name: str
    scope: Scope
    digest: str

    def line(self) -> str:
        """The line of the tokens file."""
        return f"{self.name} {self.scope} sha256:{self.digest}"


def hash_token(secret: str) -> str:
    """SHA-256 of a token in hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_token(name: str, scope: Scope) -> tuple[str, Token]:
    """Create a token: the secret for its bearer and the line for the file.

    Raises:
        ValueError: The name is not valid in the file.
    """
    secret = f"csm_{secrets.token_urlsafe(32)}"
    token = Token(name, scope, hash_token(secret))
    parse_tokens(token.line())
    return secret, token


def parse_tokens(content: str) -> tuple[Token, ...]:
    """Read the lines of a tokens file.

    Raises:
        ValueError: A line is invalid, a name is used twice, or there is no token at all.
    """
    tokens: dict[str, Token] = {}
    for number, raw in enumerate(content.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None or match["scope"] not in set(Scope):
            raise ValueError(
                f"line {number}: use 'name scope sha256:<64 hexadecimal digits>' with a scope of "
                + ", ".join(Scope)
            )
        if match["name"] in tokens:
            raise ValueError(f"line {number}: the name {match['name']!r} is used twice")
        tokens[match["name"]] = Token(match["name"], Scope(match["scope"]), match["digest"])
    if not tokens:
        raise ValueError("there is no token in it")
    return tuple(tokens.values())


def append_token(path: Path, token: Token) -> None:
    """Add a token to a file, which is created if missing, readable only by its owner.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: The file is not a regular file, has an invalid line, or already has a token of
            that name.
    """
    try:
        content = read_regular_file(path).text
    except FileNotFoundError:
        content = ""
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    separator = "" if content.endswith("\n") or not content else "\n"
    addition = f"{separator}{token.line()}\n"
    try:
        parse_tokens(content + addition)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    descriptor = open_owned(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - has the mode
        file.write(addition)


class TokenFile:
    """The tokens of a file, read again whenever the file changes.

    Args:
        path: The file.

    Raises:
        SettingsError: The file cannot be read, others may write to it, or a line is invalid.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        try:
            self._version = self._current_version()
            self._tokens = self._load()
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"CANVAS_SYNC_TOKENS_FILE names {str(path)!r}, which cannot be used: {error}. "
                "Make a token with: canvas-sync-monitor token new --name NAME --scope SCOPE "
                f"--file {path}"
            ) from error

    def find(self, secret: str) -> Token | None:
        """Return the token with this secret, if any; takes equally long for any wrong one."""
        digest = hash_token(secret)
        found = None
        for token in self.all():
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def all(self) -> tuple[Token, ...]:
        """Return all tokens."""
        self._refresh()
        return self._tokens

    def reload(self) -> None:
        """Reload the file; if it is unusable, log that and keep the previous tokens."""
        with self._lock:
            self._version = self._current_version(missing_ok=True)
            try:
                tokens = self._load()
            except (OSError, ValueError) as error:
                _log.error("%s: %s. The tokens read before stay in force.", self._path, error)
                return
            _log.info("%s: read again: %s", self._path, _changes(self._tokens, tokens))
            self._tokens = tokens

    def _refresh(self) -> None:
        with self._lock:
            is_unchanged = self._current_version(missing_ok=True) == self._version
        if not is_unchanged:
            self.reload()

    def _current_version(self, *, missing_ok: bool = False) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            if not missing_ok:
                raise
            return ()
        # Include ctime, because the owner may change without anything else changing.
        return (
            *status_identity(status),
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_size,
        )

    def _load(self) -> tuple[Token, ...]:
        file = read_regular_file(self._path)
        if file.permissions & 0o022:
            raise ValueError(
                f"others may write to it (mode {file.permissions:04o}): chmod 600 {self._path}"
            )
        if file.permissions & 0o044:
            _log.warning("%s: others may read it: chmod 600 %s", self._path, self._path)
        return parse_tokens(file.text)


def _changes(before: Sequence[Token], after: Sequence[Token]) -> str:
    """Return which tokens are new, withdrawn or changed, by name."""
    old, new = ({token.name: token for token in tokens} for tokens in (before, after))
    groups = {
        "added": new.keys() - old.keys(),
        "withdrawn": old.keys() - new.keys(),
        "changed": {name for name in new.keys() & old.keys() if new[name] != old[name]},
    }
    changes = [f"{word} {', '.join(sorted(names))}" for word, names in groups.items() if names]
    return "; ".join([*changes, f"{len(after)} tokens"])
