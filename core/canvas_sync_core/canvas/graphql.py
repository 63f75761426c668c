"""The operation name of a request to Canvas's GraphQL API, and the errors in its response.

Only the name that a developer gave the operation is read (``Name`` in
https://spec.graphql.org/October2021/#sec-Names), never variables or data. A failed response may
have status 200; it then contains a list of ``errors``
(https://spec.graphql.org/October2021/#sec-Errors). A gateway in front of Canvas may send an object
or a text instead of that list, and answers a list of requests with a list of answers.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.patterns import late_pattern

from .routes import route_of

__all__ = ["error_count", "is_graphql_path", "operation_name"]

_ROUTE: Final = "/api/graphql"
_LONGEST_REQUEST: Final = 262_144
"""Maximum number of bytes of a request that are read."""
_NAME: Final = late_pattern(r"[_A-Za-z][_0-9A-Za-z]{0,99}")
_OPERATION: Final = late_pattern(
    r'#[^\n]*|"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"'
    r"|\b(?:query|mutation|subscription)\s+(?P<name>[_A-Za-z][_0-9A-Za-z]*)"
    r"|(?P<brace>[{}])",
    re.DOTALL,
)


class _Request(msgspec.Struct):
    query: str | None = None
    operationName: str | None = None  # noqa: N815 - named by GraphQL


class _Answer(msgspec.Struct):
    errors: Any = None


_read_request: Final = msgspec.json.Decoder(_Request).decode
_read_answer: Final = msgspec.json.Decoder(_Answer).decode
_read_answers: Final = msgspec.json.Decoder(list[_Answer]).decode


def is_graphql_path(path: str) -> bool:
    """Return whether ``path`` is the path of the GraphQL API."""
    return "graphql" in path and route_of(path) == _ROUTE


def operation_name(body: object) -> str | None:
    """Return the name of the operation that a request asks for.

    Args:
        body: What the client sends: JSON or a form, as text, bytes or a mapping.

    Returns:
        ``operationName``, or else the only named operation of the query text; None if there is no
        name, or the body is not a GraphQL request.
    """
    request = _decoded(body)
    if request is None:
        return None
    name = request.operationName or _only_name(request.query or "")
    return name if name and _NAME.fullmatch(name) else None


def _decoded(body: object) -> _Request | None:
    try:
        if isinstance(body, Mapping):
            return msgspec.convert(dict(body), _Request)
        if not isinstance(body, str | bytes) or len(body) > _LONGEST_REQUEST:
            return None
        if body.lstrip()[:1] in (b"{", "{"):
            return _read_request(body)
        text = body.decode() if isinstance(body, bytes) else body
        return msgspec.convert({key: values[0] for key, values in parse_qs(text).items()}, _Request)
    except ValueError as error:  # also msgspec's errors
        raise_if_asynchronous(error)
        return None


def _only_name(query: str) -> str | None:
    """Find the name of the only operation, outside comments, strings and selections."""
    depth, names = 0, []
    for match in _OPERATION.finditer(query):
        if match["brace"]:
            depth += 1 if match["brace"] == "{" else -1
        elif match["name"] and depth == 0:
            names.append(match["name"])
    return names[0] if len(names) == 1 else None


def error_count(body: Any) -> int:
    """Count the ``errors`` of an answer, or of a list of answers.

    Args:
        body: Its text or bytes, with or without a byte order mark; None when it was not read.
    """
    if body is None or (b'"errors"' if isinstance(body, bytes) else '"errors"') not in body:
        return 0
    body = body.removeprefix(codecs.BOM_UTF8 if isinstance(body, bytes) else "\ufeff")
    try:
        if body.lstrip()[:1] in {b"[", "["}:
            return sum(_count(answer.errors) for answer in _read_answers(body))
        return _count(_read_answer(body).errors)
    except msgspec.MsgspecError:
        return 0


def _count(errors: Any) -> int:
    """Count a list by its entries, and anything else that is not empty as one error."""
    return len(errors) if isinstance(errors, list) else int(bool(errors))
