"""The secrets of the stack: made where they are missing, and handed out to the services.

The set-up keeps all of them in one folder that only root can read. Each service gets a separate
folder with copies of those that it needs, which belong to its user.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from canvas_sync_exporter.web.auth import Scope, Token, hash_token, parse_tokens

from .files import Chown, SetupError, read, write

__all__ = ["SECRETS", "hand_out", "make_missing", "store"]

_DATABASE: Final = "postgresql://canvas_sync:{password}@postgres:5432/canvas_sync"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")
_USERS: Final = {
    "exporter": 10001,
    "grafana": 472,
    "postgres": 999,
    "prometheus": 65534,
    "syncs": 10001,
}
"""The user of each service that reads secrets; syncs share files with the exporter."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One file of the folder.

    Attributes:
        name: Of the file.
        readers: The services that read it.
        make: Makes its content from the folder, which has the secrets before it in the list.
        sources: Secrets that it is made from; it is made anew when one of them was.
    """

    name: str
    readers: tuple[str, ...]
    make: Callable[[Path], str]
    sources: tuple[str, ...] = ()


def _password(_folder: Path) -> str:
    return secrets.token_urlsafe(24)


def _token(_folder: Path) -> str:
    return f"csm_{secrets.token_urlsafe(32)}"


def _database_url(folder: Path) -> str:
    return _DATABASE.format(password=quote(read(folder / "database_password"), safe=""))


def _token_hashes(folder: Path) -> str:
    made = {
        name: Token(name, scope, hash_token(read(folder / file)))
        for name, scope, file in (
            ("prometheus", Scope.METRICS, "metrics_token"),
            ("operator", Scope.ADMIN, "admin_token"),
        )
    }
    tokens = [*made.values(), *(each for each in _known_tokens(folder) if each.name not in made)]
    return "".join(f"{token.line()}\n" for token in tokens)


def _known_tokens(folder: Path) -> tuple[Token, ...]:
    """Return the tokens of the file, to which people add those of others."""
    file = folder / "tokens"
    try:
        return parse_tokens(read(file)) if file.exists() else ()
    except ValueError as error:
        raise SetupError(
            f"{file}, {error}. Correct it, or remove it and all added tokens."
        ) from error


SECRETS: Final = (
    Secret("postgres_password", ("postgres",), _password),
    Secret("database_password", ("postgres",), _password),
    Secret("database_reader_password", ("postgres", "grafana"), _password),
    Secret("database_url", ("exporter", "syncs"), _database_url, sources=("database_password",)),
    Secret("metrics_token", ("prometheus",), _token),
    Secret("admin_token", (), _token),  # for people: no service can read it, only its hash
    Secret("tokens", ("exporter",), _token_hashes, sources=("metrics_token", "admin_token")),
    Secret("grafana_admin_password", ("grafana",), _password),
    Secret("grafana_secret_key", ("grafana",), _password),
)
"""The secrets that are made; one that is made from others comes after them."""

_MADE: Final = {secret.name: secret for secret in SECRETS}


def make_missing(folder: Path, chown: Chown) -> list[str]:
    """Make the secrets that are missing, and what was made from them; the others stay as they are.

    Args:
        folder: Where the secrets are kept.
        chown: Gives a file to a user and a group.

    Returns:
        The names of those that were made.

    Raises:
        SetupError: No service could use one that is there. Nothing is made then.
        OSError: The folder cannot be written.
    """
    for path in _secret_files(folder):
        _require_usable(path)
    made: list[str] = []
    for secret in SECRETS:
        path = folder / secret.name
        if not path.exists() or not set(secret.sources).isdisjoint(made):
            write(path, secret.make(folder), 0, chown)
            made.append(secret.name)
    for path in _secret_files(folder):
        chown(path, 0, 0)
        path.chmod(0o400)
    return made


def _require_usable(path: Path) -> None:
    text = read(path)
    if not text:
        remedy = "" if path.name in _MADE else f"Store a value with --store {path.name}, or "
        raise SetupError(
            f"{path} is empty. {remedy}{'remove' if remedy else 'Remove'} the file and run the "
            "set-up again."
        )
    if path.name in _MADE and path.name != "tokens" and len(text.splitlines()) > 1:
        raise SetupError(
            f"{path} has several lines. Leave only the value, or remove the file, and run the "
            "set-up again."
        )


def store(folder: Path, name: str, value: str, chown: Chown = os.lchown) -> None:
    """Store a secret that comes from elsewhere, in place of the one that is there.

    Raises:
        SetupError: A secret of this name is made here, no file can have the name, or the value is
            empty.
        OSError: The folder cannot be written.
    """
    if name in _MADE:
        raise SetupError(f"{name!r} is made here and cannot be stored.")
    if not _NAME.fullmatch(name):
        raise SetupError(
            f"{name!r} cannot be stored. Choose a name of small letters, digits and underscores."
        )
    if not value.strip():
        raise SetupError("The value is empty. Give it on standard input: echo VALUE | ...")
    write(folder / name, value.strip(), 0, chown)


def hand_out(folder: Path, services: Path, chown: Chown) -> None:
    """Give each service the secrets that it reads, and take away those that are gone.

    What was stored from elsewhere is for the exporter, whose configuration file names it.

    Args:
        folder: Where the secrets are kept.
        services: Has a folder for each service.
        chown: Gives a file to a user and a group.
    """
    secrets = {path.name: path for path in _secret_files(folder)}
    for service, user in _USERS.items():
        own = services / service
        chown(own, user, user)
        own.chmod(0o500)
        theirs = {name for name in secrets if service in _readers(name)}
        for name in theirs:
            write(own / name, secrets[name].read_text(encoding="utf-8"), user, chown)
        for path in own.iterdir():
            if path.name not in theirs:
                path.unlink()


def _readers(name: str) -> tuple[str, ...]:
    return _MADE[name].readers if name in _MADE else ("exporter",)


def _secret_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))
