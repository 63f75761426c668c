"""Free text made safe to record: no secret, no personal data, no forged line.

What reaches a log, span or row as free text are the messages of errors, which quote URLs, headers,
statements and values. Numbers stay: a user or a course is its number.
"""

from __future__ import annotations

import re
from typing import Final

from canvas_sync_instrumentation.events import ErrorInfo
from canvas_sync_instrumentation.plain import text_of

from .messages import message_in, message_of_body, plain_words
from .routes import sanitized_path

__all__ = ["REMOVED", "error_info", "redact"]

REMOVED: Final = "[removed]"
"""What stands for a text that must not be recorded."""
_LONGEST_INPUT: Final = 8192

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]*")
"""Ids and names, in which no pattern below finds anything."""
_STATEMENT: Final = re.compile(
    r"(?:\[SQL: |\[parameters: |\b(?:DETAIL|CONTEXT|LINE [0-9]+):).*", re.DOTALL
)
"""Where SQLAlchemy and PostgreSQL quote rows; a value may contain anything, even the mark's end."""

_USER_INFO: Final = re.compile(r"://[^/\s]*@")
_QUERY: Final = re.compile(r"\?[\w%\[]\S*")
_API_PATH: Final = re.compile(r"/api/(?:v1|quiz/v1|lti)/\S*")
_AUTHORIZATION: Final = re.compile(r"(\bauthorization['\"]?\s*[:=,]).*", re.IGNORECASE)
_BEARER: Final = re.compile(r"(\bbearer\s+)\S+", re.IGNORECASE)
_CANVAS_TOKEN: Final = re.compile(r"[0-9]+~[A-Za-z0-9]{16,}")
_PARAMETER: Final = re.compile(
    r"""((?:token|secret|api[_-]?key|password|passwd)['"]?\s*[=:]\s*|\bcode=)
        (?:'[^']*'|"[^"]*"|[^\s&,;)}\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_EMAIL: Final = re.compile(r"(?<![\w.+'%!#$&*^~-])[\w.+'%!#$&*^~-]+?(?:@|%40)[\w.-]+")
_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_TRAILING: Final = ".,;:)'\"]}>"
_QUOTED_VALUE: Final = re.compile(r"(?<!\w)'(?:.*'(?!\w)|.*)|(?<=: )\".*")
"""Where drivers quote a value: ``Duplicate entry '...'``, ``invalid input ...: "..."``."""
_FROM_QUOTE: Final = re.compile(r"(?<!\w)['\"].*")
"""Where Python quotes one, whatever it contains: ``could not convert string to float: 'A-'``."""


def redact(text: str, limit: int = 500) -> str:
    """Return ``text`` without secrets and personal data, on one line, cut to ``limit`` characters.

    Removed are access tokens, ``Authorization`` values, passwords, query strings, e-mail
    addresses, identifiers in API paths that are not numbers, and whatever SQLAlchemy or PostgreSQL
    quote of a statement's rows. Control characters become visible escapes.
    """
    if not _PLAIN.fullmatch(text):
        text = _redacted(_shortened(text))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _redacted(text: str) -> str:
    text = _STATEMENT.sub("", text).strip(" \n")
    text = _USER_INFO.sub(f"://{REMOVED}@", text)
    text = _AUTHORIZATION.sub(rf"\1 {REMOVED}", text)
    text = _BEARER.sub(rf"\1{REMOVED}", text)
    text = _QUERY.sub("", text)
    text = _PARAMETER.sub(rf"\1{REMOVED}", text)
    text = _CANVAS_TOKEN.sub(REMOVED, text)
    text = _API_PATH.sub(_without_identifiers, text)
    text = _EMAIL.sub(REMOVED, text)
    return _INVISIBLE.sub(_visible, text)


def error_info(error: BaseException) -> ErrorInfo:
    """Describe an error by its class name and a redacted message.

    Of a database error only the driver's first line is taken, with the values that it quotes
    masked, and likewise of an error about a value or a key; of an error that carries an answer of
    Canvas, only what Canvas said.
    """
    return ErrorInfo(type(error).__name__, redact(_message(error)))


def _message(error: BaseException) -> str:
    cause = getattr(error, "orig", None)  # sqlalchemy.exc.StatementError
    if isinstance(cause, BaseException) or _has_base(error, "DatabaseError"):  # PEP 249
        return _QUOTED_VALUE.sub("'?'", _first_line(cause or error))
    if _has_base(error, "CanvasException"):
        return _said_by_canvas(error)
    if isinstance(error, ValueError | LookupError):
        return _FROM_QUOTE.sub("'?'", _first_line(error))
    text = text_of(error)
    return message_of_body(text) or text


def _said_by_canvas(error: BaseException) -> str:
    """Take what canvasapi's exception carries: a decoded answer, its text, or words of its own."""
    said = getattr(error, "message", None)
    if isinstance(said, list | dict):
        return message_in(said) or ""
    text = text_of(error).strip()
    if text.startswith(("{", "[", "(", "<")):  # data, or a page
        return message_of_body(text) or ""
    return plain_words(text.partition("\n")[0]) or ""


def _first_line(error: object) -> str:
    return text_of(error).partition("\n")[0]


def _has_base(error: BaseException, name: str) -> bool:
    """Tell an error of a library that is not imported here by the name of its base class."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _shortened(text: str) -> str:
    """Cut very long text where no secret can be cut in two: between words."""
    if len(text) <= _LONGEST_INPUT:
        return text
    return text[:_LONGEST_INPUT].rpartition(" ")[0] + " …"


def _without_identifiers(found: re.Match[str]) -> str:
    path = found[0].rstrip(_TRAILING)
    return sanitized_path(path) + found[0][len(path) :]


def _visible(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
