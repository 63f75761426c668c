"""Make the secrets of the stack that are missing, and give each to the user who reads it.

The service ``setup`` runs this before all others; a second run changes nothing. A secret that
comes from elsewhere is stored with ``make_secrets.py --store NAME``, which reads standard input.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from canvas_sync_exporter.web.auth import Scope, Token, hash_token, parse_tokens

__all__ = ["SECRETS", "SetupError", "main", "make_missing", "store"]

_FOLDER = Path("/run/secrets")
_DATABASE = "postgresql://canvas_sync:{password}@postgres:5432/canvas_sync"
_APP, _POSTGRES, _GRAFANA, _NOBODY, _ROOT = 10001, 999, 472, 65534, 0


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One file of the folder.

    Attributes:
        name: Of the file.
        owner: The user of the service that reads it.
        make: Makes its content from the folder, which has the secrets before it in the list; None
            when only ``--store`` can.
        group: A second reader's group, if there is one.
        sources: Secrets that it is made from; it is made anew when one of them was.
    """

    name: str
    owner: int
    make: Callable[[Path], str] | None
    group: int | None = None
    sources: tuple[str, ...] = ()

    @property
    def mode(self) -> int:
        """Readable by its owner, and by the group if it has a second reader."""
        return 0o400 if self.group is None else 0o440


def _password(_folder: Path) -> str:
    return secrets.token_urlsafe(24)


def _token(_folder: Path) -> str:
    return f"csm_{secrets.token_urlsafe(32)}"


def _database_url(folder: Path) -> str:
    return _DATABASE.format(password=_read(folder / "database_password"))


def _token_hashes(folder: Path) -> str:
    made = {
        name: Token(name, scope, hash_token(_read(folder / file)))
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
        return parse_tokens(_read(file)) if file.exists() else ()
    except ValueError as error:
        raise SetupError(
            f"{file}, {error}. Correct it, or remove it and all added tokens."
        ) from error


SECRETS = (
    Secret("postgres_password", _POSTGRES, _password),
    Secret("database_password", _POSTGRES, _password),
    Secret("database_reader_password", _GRAFANA, _password, group=_POSTGRES),
    Secret("database_url", _APP, _database_url, sources=("database_password",)),
    Secret("metrics_token", _NOBODY, _token),
    Secret("admin_token", _ROOT, _token),  # for people: no service can read it, only its hash
    Secret("tokens", _APP, _token_hashes, sources=("metrics_token", "admin_token")),
    Secret("grafana_admin_password", _GRAFANA, _password),
    Secret("grafana_secret_key", _GRAFANA, _password),
    Secret("slack_api_url", _NOBODY, None),
    Secret("smtp_password", _NOBODY, None),
)
"""Every secret of the stack; one that is made from others comes after them."""

Chown = Callable[[Path, int, int], None]


def make_missing(folder: Path, chown: Chown = os.chown) -> list[str]:
    """Make the secrets that are missing, and what was made from them; the others stay as they are.

    Args:
        folder: Where the secrets lie.
        chown: Gives a file to a user and a group.

    Returns:
        The names of those that were made.

    Raises:
        SetupError: One that is there is empty, which no service could use.
        OSError: The folder cannot be written.
    """
    made: list[str] = []
    for secret in SECRETS:
        path = folder / secret.name
        if not path.exists() or not set(secret.sources).isdisjoint(made):
            if secret.make is None:
                continue
            _write(secret, path, secret.make(folder), chown)
            made.append(secret.name)
        elif not _read(path):
            raise SetupError(
                f"{path} is empty. Store a value with --store {secret.name}, or remove the file "
                "and run the set-up again."
            )
        else:
            _hand_over(secret, path, chown)
    return made


def store(folder: Path, name: str, value: str, chown: Chown = os.chown) -> None:
    """Store a secret that comes from elsewhere, in place of the one that is there.

    Raises:
        SetupError: No secret of this name comes from elsewhere, or the value is empty.
        OSError: The folder cannot be written.
    """
    storable = {secret.name: secret for secret in SECRETS if secret.make is None}
    if name not in storable:
        raise SetupError(f"{name!r} cannot be stored. Say one of {', '.join(storable)}.")
    if not value.strip():
        raise SetupError("The value is empty. Give it on standard input: echo VALUE | ...")
    _write(storable[name], folder / name, value.strip(), chown)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _write(secret: Secret, path: Path, value: str, chown: Chown) -> None:
    """Let the file appear whole, with its owner, or not at all."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - has the mode
        file.write(value)
    _hand_over(secret, unfinished, chown)
    unfinished.rename(path)


def _hand_over(secret: Secret, path: Path, chown: Chown) -> None:
    chown(path, secret.owner, secret.owner if secret.group is None else secret.group)
    path.chmod(secret.mode)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the set-up.

    Returns:
        The exit code: 0, or 1 with a sentence that says what to do.
    """
    parser = argparse.ArgumentParser(prog="make_secrets.py", description=__doc__)
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where the secrets lie")
    parser.add_argument("--store", metavar="NAME", help="store standard input as this secret")
    arguments = parser.parse_args(argv)
    try:
        if arguments.store:
            store(arguments.folder, arguments.store, sys.stdin.read())
            print(f"Stored {arguments.store}.")
        else:
            _report(make_missing(arguments.folder))
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def _report(made: list[str]) -> None:
    print(f"Made {', '.join(made)}." if made else "Every secret is there already.")
    print("Grafana: http://localhost:3000, user admin; its password is shown by")
    print("  docker-compose exec grafana cat /run/secrets/grafana_admin_password")
    print("Web pages and REST API: http://localhost:5000; the token to sign in with is shown by")
    print("  docker-compose run --rm setup cat /run/secrets/admin_token")


if __name__ == "__main__":
    sys.exit(main())
