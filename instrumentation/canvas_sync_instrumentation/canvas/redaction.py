"""Free text made safe to record: no secret, no personal data, no forged line.

What reaches a log, span or row as free text are the messages of errors, which quote URLs, headers,
statements and values. Numbers stay: a user or a course is its number.
"""

from __future__ import annotations

import re
from typing import Final

from canvas_sync_instrumentation.events import ErrorInfo

from .messages import message_in, message_of_body
from .routes import sanitized_path

__all__ = ["error_info", "redact"]

_REMOVED: Final = "[removed]"
_LONGEST_INPUT: Final = 8192

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
    r"""(\b(?:(?:access|refresh|id)_token|client_secret|api_key|password)['"]?\s*[=:]\s*|\bcode=)
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


def redact(text: str, limit: int = 500) -> str:
    """Return ``text`` without secrets and personal data, on one line, cut to ``limit`` characters.

    Removed are access tokens, ``Authorization`` values, passwords, query strings, e-mail
    addresses, identifiers in API paths that are not numbers, and whatever SQLAlchemy or PostgreSQL
    quote of a statement's rows. Control characters become visible escapes.
    """
    text = _STATEMENT.sub("", _shortened(text)).strip(" \n")
    text = _USER_INFO.sub(f"://{_REMOVED}@", text)
    text = _AUTHORIZATION.sub(rf"\1 {_REMOVED}", text)
    text = _BEARER.sub(rf"\1{_REMOVED}", text)
    text = _QUERY.sub("", text)
    text = _PARAMETER.sub(rf"\1{_REMOVED}", text)
    text = _CANVAS_TOKEN.sub(_REMOVED, text)
    text = _API_PATH.sub(_without_identifiers, text)
    text = _EMAIL.sub(_REMOVED, text)
    text = _INVISIBLE.sub(_visible, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def error_info(error: BaseException) -> ErrorInfo:
    """Describe an error by its class name and a redacted message.

    Of a database error only the driver's first line is taken, with the values that it quotes
    masked; of an error that carries an answer of Canvas, only what Canvas said.
    """
    return ErrorInfo(type(error).__name__, redact(_message(error)))


def _message(error: BaseException) -> str:
    cause = getattr(error, "orig", None)  # sqlalchemy.exc.StatementError
    if isinstance(cause, BaseException) or _is_driver_error(error):
        first_line = str(cause or error).partition("\n")[0]
        return _QUOTED_VALUE.sub("'?'", first_line)
    said = getattr(error, "message", None)  # canvasapi.exceptions.CanvasException
    if isinstance(said, list | dict):
        return message_in(said) or ""
    text = str(error)
    return message_of_body(text) or text


def _is_driver_error(error: BaseException) -> bool:
    """Tell an error of a database driver by the class name that PEP 249 gives its base."""
    return any(cls.__name__ == "DatabaseError" for cls in type(error).__mro__)


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
