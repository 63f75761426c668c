"""Makes free text safe to record: no secrets, no personal data, no forged lines.

The free text in logs, spans and rows is mostly error messages, which quote URLs, headers,
statements and values. Numbers are kept: users and courses are identified by their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from canvas_sync_core.patterns import late_pattern

from .quoted_values import MASK
from .routes import sanitized_path
from .secret_forms import FOLDED, REMOVED, mask_encoded, mask_forms, mask_issued
from .secret_names import (
    is_count,
    is_personal_name,
    is_personal_with_equals,
    is_secret_name,
    is_secret_with_equals,
)
from .secret_phrases import mask_phrases
from .statements import lines_without_statements, without_driver_values, without_statements

__all__ = ["REMOVED", "redact", "redact_lines"]

_LONGEST_INPUT: Final = 8192
_MOST_ENCODINGS: Final = 4
"""Maximum number of encoding layers that are decoded."""

_PLAIN: Final = late_pattern(r"[A-Za-z0-9_.-]*")
"""Ids and names, in which only tokens issued by services are masked."""
_SHORTEST_ISSUED: Final = 13

_TOKEN_OF_TEXT: Final = late_pattern(r'[^\s"<>]+')
_QUERY_START: Final = late_pattern(r"[\w%\[]")
_HTTP_HOST: Final = late_pattern(
    r"(?:[\w-]+(?:\.[\w-]+)+|localhost|\[[0-9a-f:.]+\])(?::[0-9]+)?", re.IGNORECASE
)
_END_OF_HOST: Final = late_pattern(r"[/?#]")

_HEADER: Final = late_pattern(
    r"""((?<![A-Za-z])(?:authorization|cookies?|cookiejar|set-cookie2?)\\?['"]?(?:\s|%20)*[:=,]
            (?!(?:\s|%20)*[0-9]{1,6}(?:\s|%20|$)))
        .*(?:\r?\n(?:[ \t].*|[^\s:]{6,}+(?!:)))*  # and its lines below""",
    re.IGNORECASE | re.VERBOSE,
)
_COOKIE: Final = late_pattern(r"<Cookie(?:[ ]|%20)[^>]*>?")
"""A cookie as Python's cookie jars print it."""

_NAME: Final = late_pattern(
    r"""(?:(?<![\w.-])(?!(?<=%)20)|(?<=%20))
        (?P<name>(?:(?:api|private|access|secret|signing|session)(?:[ ]|%20))?[\w.-]++)
        (?P<quote>\\*['"])?(?:\[?\]){0,2}+  # user[password], tokens[], row["token"]
        (?P<sign>(?:\s|%20)*+(?:[=:][=:>]?|(?<=['"]),)(?:\s|%20)*+|>|(?:[ ]|%20)++)""",
    re.VERBOSE | re.IGNORECASE,
)
_TEXT: Final = r"""\\*b?'(?:[^'\\]|\\.)*+'? | \\*b?"(?:[^"\\]|\\.)*+"?"""
_FLAT: Final = rf"(?:{_TEXT} | [^()\[\]{{}}'\"])*+"
_COLLECTION: Final = (
    rf"[(\[{{]{_FLAT}(?:[(\[{{]{_FLAT}(?:[(\[{{]{_FLAT}[)\]}}]?{_FLAT})*+[)\]}}]?{_FLAT})*+[)\]}}]?"
)
_VALUE: Final = late_pattern(
    rf"""\[removed\]  # as it was before the text was decoded
        | {_TEXT} | {_COLLECTION}
        | [^\s&,;)}}\]<>]++{FOLDED}""",
    re.VERBOSE | re.DOTALL,
)
_SPACE: Final = r"(?:\s|%20)"
_LINE_END: Final = r"(?:\r?\n|(?:\\r)?\\n)"
_NAMED_VALUE: Final = late_pattern(
    rf"""(?P<before>(?:(?<![\w.-])|(?<=%20))(?:name|key)\\*['"]?{_SPACE}*+[=:]{_SPACE}*+
        \\*['"](?P<name>[\w.-]++)\\*['"](?:{_SPACE}|,)*+
        \\*['"]?(?:value|content)\\*['"]?{_SPACE}*+[=:]{_SPACE}*+\\*)
        (?:'[^']*+'?|"[^"]*+"?)""",
    re.VERBOSE,
)
"""A name and its value, each with a label: of a field of a form, a header in a record."""
_FORM_FIELD: Final = late_pattern(
    rf"""(?P<before>\bname=\\*['"]?(?P<name>[\w.\[\]-]++)\\*['"]?[^\r\n\\]*+
        (?:{_LINE_END}[A-Za-z-]++:[^\r\n\\]*+)*+{_LINE_END}{_LINE_END})
        [^\r\n\\]++""",
    re.VERBOSE,
)
"""A field of a form as ``multipart/form-data`` has it."""
_SIS_ID: Final = late_pattern(
    r"\b((?:hex:)?(?:sis_[a-z]+_id|lti_[a-z_]*id)\s*[:=]\s*)[^\s,;&)'\"]+"
)
_API_PATH: Final = late_pattern(r"/api/++(?:v1|quiz/v1|lti|sis)/\S*")
_TRAILING: Final = ".,;:)'\"]}>"

_END_OF_KEY: Final = late_pattern(
    r"\A(?:(?![^\n]*BEGIN )[^\n]*\n)*?[^\n]*END [A-Z0-9 ]{0,40}PRIVATE KEY[- ]*+"
)
"""A private key whose first lines are missing."""

_PERCENT: Final = late_pattern(r"%(2[1-9A-Fa-f]|[3-7][0-9A-Fa-f])")
_ESCAPE: Final = late_pattern(r"\\u00([2-7][0-9a-fA-F])|\\x([2-7][0-9a-fA-F])")
_ENTITY: Final = late_pattern(
    r"&(?:#0*([0-9]{2,3})|#[xX]0*([2-7][0-9a-fA-F])|(quot|commat|amp|equals));"
)
_NAMED: Final = {"quot": '"', "commat": "@", "amp": "&", "equals": "="}
_INVISIBLE: Final = late_pattern(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def redact(text: str, limit: int = 500, *, is_of_exception: bool = False) -> str:
    """Return ``text`` without secrets and personal data, on one line, cut to ``limit`` characters.

    Removed are tokens, keys, cookies, ``Authorization`` values, passwords, query strings, e-mail
    addresses, non-numeric identifiers in API paths, and data of rows in SQL and drivers' messages,
    even if they are percent-encoded, escaped or split by a line break. Control
    characters become visible escapes.

    Args:
        text: Any text of the app.
        limit: Characters.
        is_of_exception: Whether quoted values are already masked, except those that occur in the
            code that raised the exception.
    """
    if not _PLAIN.fullmatch(text):
        text = _shortened(text)
        text = without_driver_values(text, only_rows=is_of_exception)
        text = _INVISIBLE.sub(_visible, _redacted(text).strip(" \n"))
    elif len(text) >= _SHORTEST_ISSUED:
        text = mask_encoded(mask_issued(text[:_LONGEST_INPUT]), _is_harmless)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def redact_lines(lines: Sequence[str], limit: int = 500) -> list[str]:
    """Return the lines of a text without secrets and personal data, as :func:`redact` does.

    A secret may span several lines, as a private key does; the result then has fewer lines. The end
    of a key whose first lines are missing is removed too.

    Args:
        lines: The lines, of a few kilobytes each.
        limit: Maximum number of characters of each line.
    """
    if not lines:
        return []
    text = "\n".join(map(without_driver_values, lines_without_statements(lines)))
    redacted, _ = _decoded_and_masked(_END_OF_KEY.sub(REMOVED, text), _without_values)
    escaped = (_INVISIBLE.sub(_visible, line.rstrip()) for line in redacted.split("\n"))
    return [line if len(line) <= limit else f"{line[: limit - 1]}…" for line in escaped]


def _redacted(text: str) -> str:
    redacted, decoded = _decoded_and_masked(text, _masked)
    return _without_encoded_rows(decoded) or redacted


def _decoded_and_masked(text: str, mask: Callable[[str], str]) -> tuple[str, str]:
    """Mask a text as it is, then decoded again and again.

    Returns:
        The text with as few encodings removed as the masking needed, and the fully decoded one.
    """
    redacted = masked = mask(text)
    for _ in range(_MOST_ENCODINGS):
        decoded = _decoded(masked)
        if decoded == masked:
            break
        masked = mask(decoded)
        if masked != decoded:
            redacted = masked
    return redacted, masked


def _without_encoded_rows(decoded: str) -> str | None:
    """Mask row values that only show once spaces are decoded too; None if there are none."""
    spaced = decoded.replace("%20", " ")
    if spaced == decoded:
        return None
    masked = without_driver_values(without_statements(spaced))
    return None if masked == spaced else _masked(masked)


def _masked(text: str) -> str:
    return _without_values(without_statements(text))


def _without_values(text: str) -> str:
    # Phrases first, before query strings are cut off: the words before a secret give it away.
    text = mask_encoded(mask_issued(text), _is_harmless)
    text = mask_phrases(text)
    text = _HEADER.sub(rf"\1 {REMOVED}", text)
    text = _COOKIE.sub(REMOVED, text)
    text = _without_secret_values(text)
    text = _TOKEN_OF_TEXT.sub(_without_credentials, text)
    text = mask_forms(text)
    if "/api/" in text:
        text = _API_PATH.sub(_without_identifiers, text)
    return _SIS_ID.sub(rf"\1{REMOVED}", text) if "_id" in text else text


def _is_harmless(text: str) -> bool:
    return _masked(text) == text


def _without_credentials(found: re.Match[str]) -> str:
    """Remove user, password and query string from the URLs in a text without spaces."""
    text = found[0]
    if "://" in text and "@" in text:
        scheme, *rests = text.split("://")
        parts = [scheme]
        for rest in rests:
            is_http = scheme.lower().endswith(("http", "https"))
            at = rest.rfind("@")
            parts.append(rest if at < 0 or (is_http and _is_host(rest)) else REMOVED + rest[at:])
            scheme = rest
        text = "://".join(parts)
    query = text.find("?")
    if query >= 0:
        rest = text[query + 1 :]
        if _QUERY_START.match(rest) or "=" in rest or "&" in rest:
            text = text[:query]
    return text


def _is_host(rest: str) -> bool:
    """Distinguish a host followed by a path with ``@`` from a password with a slash."""
    return _HTTP_HOST.fullmatch(_END_OF_HOST.split(rest, maxsplit=1)[0]) is not None


def _without_secret_values(text: str) -> str:
    """Mask values after the name of a secret or of a personal field of Canvas."""
    text = _NAMED_VALUE.sub(_without_named_value, text)
    if "form-data" in text:
        text = _FORM_FIELD.sub(_without_named_value, text)
    parts, position = [], 0
    while found := _NAME.search(text, position):
        parts.append(text[position : found.end()])
        position = found.end()
        value = _VALUE.match(text, position) if _names_secret(found) else None
        if value and not is_count(found["name"], value[0]):
            parts.append(MASK if value[0] == MASK else REMOVED)
            position = value.end()
    return "".join(parts) + text[position:]


def _without_named_value(found: re.Match[str]) -> str:
    return found["before"] + REMOVED if is_secret_name(found["name"]) else found[0]


def _names_secret(found: re.Match[str]) -> bool:
    name, quote = found.group("name", "quote")
    sign = found["sign"].replace("%20", "").strip()
    if not sign:  # an option of a command, such as --password secret
        return name.startswith("--") and is_secret_name(name)
    if sign == "=" and (is_secret_with_equals(name) or is_personal_with_equals(name)):
        return True
    is_pair = quote is not None and sign != ","
    return is_secret_name(name) or (is_pair and is_personal_name(name))


def _shortened(text: str) -> str:
    """Cut very long text where no secret can be cut in two: between words."""
    if len(text) <= _LONGEST_INPUT:
        return text
    return text[:_LONGEST_INPUT].rpartition(" ")[0] + " …"


def _without_identifiers(found: re.Match[str]) -> str:
    path = found[0].rstrip(_TRAILING)
    return sanitized_path(path) + found[0][len(path) :]


def _decoded(text: str) -> str:
    """Undo one level of percent-encoding and escapes of visible ASCII; spaces stay encoded."""
    if "%" in text:
        text = _PERCENT.sub(lambda found: chr(int(found[1], 16)), text)
    if "\\" in text:
        text = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    return text


def _entity(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    code = int(found[1]) if found[1] else int(found[2], 16)
    return chr(code) if 0x20 < code < 0x7F else found[0]


def _visible(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
