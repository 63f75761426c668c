"""Secrets in the configuration file, or in a file or environment variable that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_core.settings import path

from .table import Table

__all__ = ["is_given", "one_word", "read_secret"]

T = TypeVar("T")


def read_secret(
    table: Table, key: str, parse: Callable[[str], T], hint: str, environ: Mapping[str, str]
) -> T | None:
    """Read a secret from ``key``, ``key_file`` or ``key_env``.

    No message repeats what is written there: someone may have put the secret itself into
    ``key_file`` by mistake.

    Args:
        table: The table.
        key: The key.
        parse: Converts the secret, or raises ValueError with a message that does not repeat it.
        hint: An example for a value that is not a text at all.
        environ: Such as ``os.environ``.
    """
    sources: dict[str, Callable[[str], str]] = {
        key: str,
        f"{key}_file": _content_of,
        f"{key}_env": lambda name: _variable(name, environ),
    }
    given = [name for name in sources if name in table]
    values = [
        table.parsed(
            name,
            lambda text, resolve=resolve: parse(resolve(text).strip()),  # type: ignore[misc]
            hint if name == key else f'"{_EXAMPLES[name.removeprefix(key)]}"',
            is_secret=True,
        )
        for name, resolve in sources.items()
    ]
    if len(given) > 1:
        table.wrong(given[1], f"write either `{given[0]}` or `{given[1]}`")
        return None
    return next((value for value in values if value is not None), None)


def is_given(table: Table, key: str) -> bool:
    """Return whether a table names a secret, even if it cannot be used."""
    return any(f"{key}{ending}" in table for ending in ("", *_EXAMPLES))


def one_word(text: str) -> str:
    """Return a secret that is one word.

    Raises:
        ValueError: It contains spaces or other characters that no token has.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it contains spaces or unusual characters; copy it again")
    return text


_EXAMPLES = {"_file": "/run/secrets/canvas_sync", "_env": "SECRET_OF_THE_SYNC"}


def _content_of(name: str) -> str:
    try:
        text = read_regular_file(path(name)).text.strip()
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"the file cannot be used: {error}") from None
    return _not_empty(text, "the file is empty")


def _variable(name: str, environ: Mapping[str, str]) -> str:
    return _not_empty(environ.get(name, ""), "there is no such variable, or it is empty")


def _not_empty(text: str, message: str) -> str:
    if not text.strip():
        raise ValueError(message)
    return text
