"""Splits a line of shell into its commands, and finds lines that a command passes to a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["all_commands", "expand", "inner_line", "shell_words", "split_commands"]

_OPERATORS: Final = frozenset("();<>|&")
_SHELLS: Final = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_RUN_A_LINE: Final = frozenset({"flock", "runuser", "script", "su"})
"""Other programs that pass a line to a shell."""
_TAKES_LINE: Final = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
"""``-c``, also together with other options, as in ``-lc``."""
_TAKE_A_NAME: Final = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})
"""Options of a shell that are followed by a value."""
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def shell_words(line: str) -> list[str]:
    """Split a line into words and operators; at spaces if a quote in it does not end."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return line.split()


def expand(words: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Replace variables by their values; as for a shell and systemd, ``$NAME`` may be many words.

    Variables that are not known stay as they are.
    """
    found: list[str] = []
    for word in words:
        text = _VARIABLE.sub(lambda name: environ.get(name[1] or name[2], name[0]), word)
        is_one_word = text == word or _VARIABLE.fullmatch(word) is None or word.startswith("${")
        found += [text] if is_one_word else text.split()
    return found


def split_commands(words: Sequence[str]) -> Iterator[list[str]]:
    """Split at operators of the shell; what redirections name is left out."""
    command: list[str] = []
    is_kept = True
    for word in words:
        if set(word) <= _OPERATORS:
            if command and is_kept:
                yield command
            command, is_kept = [], not set(word) & set("<>")
        else:
            command.append(word)
    if command and is_kept:
        yield command


def all_commands(words: Sequence[str]) -> Iterator[list[str]]:
    """Return the commands, each followed by those of the line that it passes to a shell."""
    for command in split_commands(words):
        yield command
        if line := inner_line(command):
            yield from all_commands(shell_words(line))


def inner_line(command: Sequence[str]) -> str | None:
    """Return the line that a command passes to a shell, as in ``bash -lc 'cd sync && ./run'``."""
    for place, word in enumerate(command):
        name = Path(word).name
        if name in _SHELLS:
            return _line_of_shell(command[place + 1 :])
        if name in _RUN_A_LINE:
            return _line_after_option(command[place + 1 :])
    return None


def _line_of_shell(arguments: Sequence[str]) -> str | None:
    """Return the first argument that is not an option, if ``-c`` is among the options."""
    takes_line = is_value = False
    for word in arguments:
        if is_value:
            is_value = False
        elif word in _TAKE_A_NAME:
            is_value = True
        elif word[:1] in {"-", "+"}:
            takes_line = takes_line or _TAKES_LINE.fullmatch(word) is not None
        else:
            return word if takes_line else None
    return None


def _line_after_option(arguments: Sequence[str]) -> str | None:
    for word, following in zip(arguments, [*arguments[1:], None], strict=True):
        if word.startswith("--command="):
            return word.partition("=")[2]
        if word == "--command" or _TAKES_LINE.fullmatch(word):
            return following
    return None
