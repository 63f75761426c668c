"""Masks secrets that are recognisable only by the words around them.

They occur in sentences, in commands and in lines of key files.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from canvas_sync_core.patterns import late_pattern

from .secret_forms import REMOVED

__all__ = ["mask_phrases"]

_SPACE: Final = r"(?:\s|%20)"
_START: Final = r"(?:(?<![\w.*-])|(?<=%20))"
_WORD: Final = r"(?:'[^']*+'?|\"[^\"]*+\"?|(?:(?!%20)[^\s'\"])++)"

_SECRET_PHRASE: Final = late_pattern(
    rf"""((?<![A-Za-z])(?:passwords?|passwd|passphrase|passcode|pwd|pin|secret|token
            |(?:api|access|secret|private)(?:[_-]|{_SPACE})?key)\\*['"]?
        {_SPACE}++(?:is|was){_SPACE}++)({_WORD})(?={_SPACE}*([a-z])?)""",
    re.IGNORECASE | re.VERBOSE,
)
_PLAIN_WORD: Final = late_pattern(r"[A-Za-z]?[a-z]*(?:-[a-z]+)*|None|NULL|\W*")
"""Words that follow in sentences without a secret: ``token is expired``."""
_PUNCTUATION: Final = ".,;:!?)]}"

_NETRC: Final = late_pattern(
    rf"{_START}(?:machine{_SPACE}++(?:(?!%20)\S)++|default(?={_SPACE}++login{_SPACE}++\S+{_SPACE}++password))"
    rf"(?:{_SPACE}++(?:login|password|account){_SPACE}++(?:(?!%20)\S)++)++"
)
_NETRC_FIELD: Final = late_pattern(
    rf"({_SPACE}(?:login|password|account){_SPACE}++)(?:(?!%20)\S)++"
)
_PGPASS: Final = late_pattern(
    rf"{_START}([\w.*-]++:(?:[0-9]{{4,5}}|\*):[A-Za-z_*][\w-]*+:)[\w*-]++:\S++"
)


def _option(
    programs: str, names: str, is_harmless: Callable[[str], object], *, attached: bool = False
) -> Callable[[str], str]:
    """Return what masks the value of an option in texts that name one of some programs.

    Args:
        programs: Alternatives of a regular expression.
        names: Alternatives, too, as on the command line.
        is_harmless: Returns whether a value holds no password.
        attached: Whether the value has to follow the name without a space.
    """
    program = late_pattern(rf"(?<![A-Za-z])(?:{programs})(?![A-Za-z])")
    separator = "" if attached else rf"(?:=|\\*['\"]?(?:,{_SPACE}*+|{_SPACE}++)b?|(?=\w))"
    option = late_pattern(rf"({_START}(?:{names}){separator})({_WORD})")

    def without_value(found: re.Match[str]) -> str:
        return found[0] if is_harmless(found[2].strip("'\"")) else found[1] + REMOVED

    return lambda text: option.sub(without_value, text) if program.search(text) else text


_PORTS: Final = late_pattern(r"(?:[0-9.]*:)*[0-9]{1,5}(?:-[0-9]{1,5}.*)?(?:/(?:tcp|udp))?")
_HAS_OPTION: Final = late_pattern(rf"{_START}(?:-[uUapw]|--(?:proxy-)?user)")
_COMMANDS: Final = (
    _option(
        r"curl|wget|xh|https?(?!:)", "-[uUa]|--user|--proxy-user", lambda value: ":" not in value
    ),
    _option("docker|podman|helm", "-p", _PORTS.fullmatch),
    _option("sshpass|mongosh?", "-p", lambda value: not value),
    _option(r"(?:mysql|mariadb)[\w-]*", "-p", lambda value: not value, attached=True),
    _option("redis-cli", "-a", lambda value: not value),
    _option(r"ldap\w+", "-w", lambda value: not value),
)


def mask_phrases(text: str) -> str:
    """Mask passwords in sentences, in commands, and in lines of ``.netrc`` and ``.pgpass``."""
    text = _SECRET_PHRASE.sub(_masked, text)
    if "machine" in text or "default" in text:
        text = _NETRC.sub(lambda line: _NETRC_FIELD.sub(rf"\1{REMOVED}", line[0]), text)
    if ":" in text:
        text = _PGPASS.sub(rf"\1{REMOVED}", text)
    if _HAS_OPTION.search(text):
        for mask in _COMMANDS:
            text = mask(text)
    return text


def _masked(found: re.Match[str]) -> str:
    value = found[2].rstrip(_PUNCTUATION)
    is_number_of = value.isdecimal() and found[3] is not None  # "token is 5 days old"
    if is_number_of or _PLAIN_WORD.fullmatch(value):
        return found[0]
    return found[1] + REMOVED + found[2][len(value) :]
