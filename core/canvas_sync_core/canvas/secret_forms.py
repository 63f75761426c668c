"""Masks secrets and addresses that are recognisable by their form.

The forms of other services' tokens follow the rules of detect-secrets, from which the tests draw
examples. No expression backtracks: each starts where nothing before it can be part of the match,
and its repetitions are possessive, so the time is linear in the length of the text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.patterns import late_pattern

__all__ = ["REMOVED", "mask_encoded", "mask_forms", "mask_issued"]

REMOVED: Final = "[removed]"
"""Replaces a text that must not be recorded."""

_BREAK: Final = r"[ \t]*(?:\r\n?|\n|\\r\\n|\\n|%0D%0A|%0A)[ \t]*"
"""A line break, possibly escaped: mail programs and terminals break secrets in two."""
FOLDED: Final = rf"(?:{_BREAK}[A-Za-z0-9_.~+/=-]{{6,}}+)*"
"""The rest of a secret on the lines below."""

_TOKEN: Final = late_pattern(
    rf"(?<![0-9])[0-9]++(?:{_BREAK})?~(?:{_BREAK})?"
    rf"((?:[A-Za-z0-9]++(?:{_BREAK}(?=[A-Za-z0-9]))?)++)"
)
"""A Canvas token: the number of a shard, a tilde, and 64 characters (older ones are shorter)."""
_SHORTEST_TOKEN: Final = 16
_PRIVATE_KEY: Final = late_pattern(
    r"(?:-----)?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY.*?(?:END [A-Z0-9 ]{0,40}KEY[A-Z -]*|\Z)"
    r"|PuTTY-User-Key-File-.*",
    re.DOTALL,
)
_ISSUED: Final = late_pattern(
    rf"eyJ[A-Za-z0-9_=-]{{8,}}+[A-Za-z0-9_.+/=-]*+{FOLDED}"  # JWT and other JSON in base64
    rf"|eyJ[A-Za-z0-9_=-]++\.[A-Za-z0-9_.+/=-]{{8,}}+{FOLDED}"
    rf"|eyJ[A-Za-z0-9_=-]*+{_BREAK}[A-Za-z0-9_.+/=-]{{6,}}+{FOLDED}"
    r"|(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}"  # AWS
    r"|(?i:aws.{0,20}?(?:key|pwd?|pass(?:word)?|token).{0,20}?['\"][A-Za-z0-9/+]{40}['\"])"
    r"|AKC[A-Za-z0-9]{10,}+"  # Artifactory
    r"|AccountKey=[A-Za-z0-9+/=]{40,}+"  # Azure
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}+"  # Google
    r"|[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}"  # Discord
    r"|gh[oprsu]_[A-Za-z0-9_]{36}|github_pat_[A-Za-z0-9_]{20,}+"
    r"|gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[A-Za-z0-9_-]{20,}+"  # GitLab
    r"|GR1348941[A-Za-z0-9_-]{20,}+"
    r"|[0-9a-z]{32}-us[0-9]{1,2}"  # Mailchimp
    r"|npm_[A-Za-z0-9]{20,}+|pypi-[A-Za-z0-9_-]{40,}+"
    r"|[rs]k_(?:live|test)_[0-9A-Za-z]{24}|sk-[A-Za-z0-9_-]{40,}+"  # Stripe, OpenAI
    r"|SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|sq0csp-[0-9A-Za-z\\_-]{43}"  # SendGrid, Square
    r"|(?i:xox)[abeoprsABEOPRS]-[A-Za-z0-9-]{10,}+|(?i:hooks\.slack\.com/services/)\S++"
    r"|(?i:/feeds/[a-z_]++/[a-z]++_)\w++"  # of calendars and courses in Canvas
    r"|(?i:discord(?:app)?\.com/api/webhooks/|\.office\.com/webhook)\S++"
    r"|[0-9]{8,10}:[0-9A-Za-z_-]{35}"  # Telegram
    r"|(?:AC|SK)[a-z0-9]{32}"  # Twilio
    r"|/[vV]3(?:.1)?/[A-Za-z0-9]{64}"  # SoftLayer
    r"|(?:\$(?:apr1|2[abxy]|[156y]|argon2id?)|pbkdf2_sha[0-9]+)\$[^\s'\"]{8,}+"  # of passwords
)
_LABELLED: Final = late_pattern(
    r"((?:key|pwd?|pass|password|token|secret)"
    r"['\"]?\]?[ ]*+(?:[:=][:=>]?|[-=]>|(?<=[ ]))[ ]*+['\"]?)"
    r"(?:(?![a-z]++(?:_[a-z]++)++(?![\w/+-]))[A-Za-z0-9_/+-]{24,}+"
    r"|(?-i:(?=[a-z0-9_]*[A-Z])(?=[A-Z0-9_]*[a-z])(?=[A-Za-z_]*[0-9])\w{12,}+))",
    re.IGNORECASE,
)
"""A long word after what is a plain word before a short one, or a name: ``primary key: id``."""
_BASIC: Final = late_pattern(
    rf"(\bbasic(?:\s|%20|\+)++)([A-Za-z0-9+/=_-]{{8,}}+{FOLDED})", re.IGNORECASE
)
_WORD: Final = late_pattern(r"[A-Za-z][a-z]*")
_BASE64_LETTER: Final = "[A-Za-z0-9+/_-]"
_BASE64: Final = late_pattern(
    rf"(?<!{_BASE64_LETTER})"
    rf"(?:(?:{_BASE64_LETTER}{{60,76}}{_BREAK})++{_BASE64_LETTER}++|{_BASE64_LETTER}{{20,}}+)={{0,2}}"
)
"""Text in base64, also in lines as mail has them."""
_READABLE: Final = late_pattern(rb"[\t\r\n -~]+")
_URL_SAFE: Final = str.maketrans("-_", "+/")
_BEARER: Final = late_pattern(
    rf"(\bbearer['\"]?(?:[\s:=,+]|%20|%3A|%3D)++b?['\"]?)[^\s'\"]++{FOLDED}", re.IGNORECASE
)

_LOCAL: Final = r"\w.+'%!#$&*^~-"
_EMAIL: Final = late_pattern(
    rf"""(?:"[^"\n]*"|(?<![{_LOCAL}])[{_LOCAL}]+?)  # a name in quotes may hold anything
        (?:@|%40|\uff20)
        (?:\[[^\]\s]*\]?|[\w.-]+)  # an address of a host stands in brackets""",
    re.VERBOSE,
)
_MAILBOX: Final = late_pattern(
    r"""(?:"[^"\n<]*"[ ]?|(?:\b[^\W\d_a-z][\w.'-]*[ ]){1,4})<(?=[^<>\s]*\[removed\])""",
    re.VERBOSE,
)
"""The name of a person before an address in angle brackets."""


def mask_forms(text: str) -> str:
    """Mask keys, tokens, credentials and addresses by their form."""
    if "PRIVATE KEY" in text or "PuTTY" in text:
        text = _PRIVATE_KEY.sub(REMOVED, text)
    text = _BEARER.sub(rf"\1{REMOVED}", text)
    text = _BASIC.sub(_basic, text)
    text = _LABELLED.sub(rf"\1{REMOVED}", text)
    if "~" in text:
        text = _TOKEN.sub(_token, text)
    return _without_addresses(mask_issued(text))


def mask_encoded(text: str, is_harmless: Callable[[str], bool]) -> str:
    """Mask readable text in base64 that holds a secret when it is decoded.

    Args:
        text: Any text.
        is_harmless: Returns whether a decoded text holds none.
    """

    def mask(found: re.Match[str]) -> str:
        lines = re.split(_BREAK, found[0])
        # The last line may be a word that only stands below.
        for encoded in {"".join(lines), "".join(lines[:-1])}:
            letters = encoded.rstrip("=")
            if len(letters) % 4 == 1:  # no base64 text has such a length
                continue
            decoded = _decoded(letters)
            if _READABLE.fullmatch(decoded) and not is_harmless(decoded.decode("ascii")):
                return REMOVED
        return found[0]

    return _BASE64.sub(mask, text)


def mask_issued(text: str) -> str:
    """Mask JWTs and the tokens that well-known services issue."""
    return _ISSUED.sub(REMOVED, text)


def _without_addresses(text: str) -> str:
    if "@" not in text and "%40" not in text and "\uff20" not in text:
        return text
    text = _EMAIL.sub(REMOVED, text)
    return _MAILBOX.sub(f"{REMOVED} <", text) if f"<{REMOVED}" in text else text


def _token(found: re.Match[str]) -> str:
    length = sum(character.isalnum() for character in found[1])
    return found[0] if length < _SHORTEST_TOKEN else REMOVED


def _basic(found: re.Match[str]) -> str:
    """Mask credentials, which are a name, a colon and a password in base64; leave words."""
    if _WORD.fullmatch(found[2]) and b":" not in _decoded(found[2]):
        return found[0]
    return found[1] + REMOVED


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(_URL_SAFE) + "=" * (-len(text) % 4))
    except ValueError as error:
        raise_if_asynchronous(error)
        return b""
