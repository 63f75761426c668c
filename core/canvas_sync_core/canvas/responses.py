"""Reads throttling, authorization, cost and paging from a Canvas response.

Sources: https://canvas.instructure.com/doc/api/file.throttling.html,
https://canvas.instructure.com/doc/api/file.oauth.html, file.pagination.html,
``lib/canvas/oauth/request_error.rb`` of instructure/canvas-lms, and the change of throttled answers
from 403 to 429 that Instructure announced for October 2025.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.events import ServerTime
from canvas_sync_core.patterns import late_pattern

from .clock_skew import parse_date
from .messages import message_of_body, plain_words
from .paging import PAGE_RELATIONS, parse_link_header
from .redaction import redact
from .secret_forms import mask_issued
from .server_time import parse_canvas_meta

__all__ = ["ResponseFacts", "classify", "classify_redirected"]

_WANTED: Final = frozenset(
    {
        "age",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "link",
        "www-authenticate",
        "x-canvas-meta",
        "x-rate-limit-remaining",
        "x-request-context-id",
        "x-request-cost",
    }
)
_EXPIRED_AT: Final = late_pattern(r'"expired_at"\s*:\s*"([0-9TZ:.+-]{10,40})"')
_REQUEST_ID: Final = late_pattern(r"[A-Za-z0-9._:-]{1,128}")
_UUID: Final = late_pattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_THROTTLED_TEXT: Final = "rate limit exceeded"
_LONGEST_MESSAGE: Final = 300
_REDIRECT: Final = 302
_PLAIN: Final = "identity"
_LONGEST_LENGTH: Final = 15
"""Digits of a ``Content-Length`` that makes sense."""

_AUTH_TEXTS: Final = (
    ("insufficient scopes", "insufficient_scope"),
    ("revoked access token", "revoked_token"),
    ("expired access token", "expired_token"),
    ("invalid access token", "invalid_token"),
    ("user-agent", "missing_user_agent"),
    ("user agent", "missing_user_agent"),
)


_OAUTH_ERROR: Final = late_pattern(r'"error"\s*:\s*"([a-z_]{1,30})"')
_OAUTH_REASONS: Final = {
    "invalid_client": "invalid_client",
    "unauthorized_client": "invalid_client",
    "invalid_grant": "invalid_grant",
    "invalid_scope": "insufficient_scope",
}
"""By the error codes of RFC 6749, section 5.2, with which a request for a token is refused."""
_NOT_FOUND: Final = "refresh_token not found"
"""How Canvas describes an ``invalid_request`` whose refresh token was deleted."""


class ResponseFacts(msgspec.Struct, frozen=True, gc=False):
    """The content of one response, as far as we use it; a struct, since each call makes one.

    Attributes:
        throttled: Whether Canvas refused it because of the rate limit.
        auth_failure: One of :data:`~canvas_sync_core.names.AUTH_FAILURE_REASONS`.
        cost: ``X-Request-Cost``, in seconds of server time.
        rate_limit_remaining: ``X-Rate-Limit-Remaining``, in the same unit.
        request_context_id: ``X-Request-Context-Id``.
        is_page: Whether it is one page of a list.
        next_url: Where the next page is, as Canvas sent it: opaque, never to be recorded.
        message: Canvas's error message, redacted.
        server_time: Where Canvas spent the time.
        token_expired_at: When the refused token expired, in seconds since the epoch.
        links: The relations of its ``Link`` header, such as ``next``.
        content_length: ``Content-Length``.
        is_compressed: Whether its content was sent compressed.
        sent_at: ``Date``, in seconds since the epoch; None if a cache on the way responded.
    """

    throttled: bool = False
    auth_failure: str | None = None
    cost: float | None = None
    rate_limit_remaining: float | None = None
    request_context_id: str | None = None
    is_page: bool = False
    next_url: str | None = None
    message: str | None = None
    server_time: ServerTime | None = None
    token_expired_at: float | None = None
    links: tuple[str, ...] = ()
    content_length: int | None = None
    is_compressed: bool = False
    sent_at: float | None = None


def classify(status: int, headers: Mapping[str, str], body: str | None) -> ResponseFacts:
    """Read a Canvas response.

    Args:
        status: HTTP status.
        headers: In any case. Values that make no sense are ignored.
        body: The text of the answer; None when it was not loaded. Looked at for failures only.
    """
    found = _wanted(headers)
    get = found.get
    link, meta, date = get("link"), get("x-canvas-meta"), get("date")
    links = {} if link is None else parse_link_header(link)
    request_id = get("x-request-context-id")
    facts = ResponseFacts(
        cost=_number(get("x-request-cost"), at_least=0),
        rate_limit_remaining=_number(get("x-rate-limit-remaining")),
        request_context_id=request_id if request_id and _is_request_id(request_id) else None,
        is_page=not PAGE_RELATIONS.isdisjoint(links),
        next_url=links.get("next"),
        server_time=None if meta is None else parse_canvas_meta(meta),
        links=tuple(links),
        content_length=_length(get("content-length")),
        is_compressed=get("content-encoding", _PLAIN).lower() != _PLAIN,
        sent_at=None if date is None or "age" in found else parse_date(date),
    )
    return facts if status < 400 else _with_failure(facts, status, found, body)


def _with_failure(
    facts: ResponseFacts, status: int, found: Mapping[str, str], body: str | None
) -> ResponseFacts:
    kind = found.get("content-type", "").lower()
    is_throttled = _is_throttled(status, body, kind, "x-request-cost" not in found)
    auth_failure = None if is_throttled else _auth_failure(status, found, body)
    return replace(
        facts,
        throttled=is_throttled,
        auth_failure=auth_failure,
        message=_message(body, kind) if body else None,
        token_expired_at=_expired_at(body or "") if auth_failure == "expired_token" else None,
    )


def _wanted(headers: Mapping[str, str]) -> dict[str, str]:
    """Select the headers that we use, with their names in lower case."""
    by_name: Any = getattr(headers, "_store", None)
    if isinstance(by_name, OrderedDict):  # of requests, whose own look-ups take much longer
        found = {}
        for name in _WANTED & by_name.keys():  # in Python 3.11, a comprehension is a call
            found[name] = by_name[name][1]
        return found
    return {key: headers[name] for name in headers if (key := name.lower()) in _WANTED}


def classify_redirected(
    status: int,
    headers: Mapping[str, str],
    body: str | None,
    *,
    hops: Sequence[Mapping[str, str]],
    is_elsewhere: bool,
) -> ResponseFacts:
    """Read the response that redirects led to; the cost is the total of all of them.

    Args:
        status: HTTP status of the last answer.
        headers: Its headers.
        body: Its text; None when it was not loaded.
        hops: The headers of each earlier answer from Canvas; at least one.
        is_elsewhere: Whether it comes from another host, such as a file store. Then it says nothing
            about Canvas, and the rest is read from the response before it.
    """
    facts = [classify(_REDIRECT, each, None) for each in hops]
    last = classify(status, headers, body)
    if not is_elsewhere:
        facts.append(last)
    costs = [each.cost for each in facts if each.cost is not None]
    return replace(
        facts[-1],
        cost=sum(costs) if costs else None,
        content_length=last.content_length,
        is_compressed=last.is_compressed,
        sent_at=None if is_elsewhere else last.sent_at,
    )


def _is_throttled(status: int, body: str | None, content_type: str, costs_nothing: bool) -> bool:
    """Return whether a response means throttling rather than refusal, whatever quota is left."""
    if status != 403:
        return status == 429
    if body is None:
        return costs_nothing and content_type.startswith("text/plain")
    return _THROTTLED_TEXT in body.lower()


def _auth_failure(status: int, headers: Mapping[str, str], body: str | None) -> str | None:
    text = (body or "").lower()
    if status in {400, 401} and (reason := _oauth_failure(text)):
        return reason
    if status not in {401, 403}:
        return None
    for phrase, reason in _AUTH_TEXTS:
        if phrase in text:
            return reason
    # Only a refused token is answered with the header; a missing permission is not.
    return "invalid_token" if status == 401 and "www-authenticate" in headers else "forbidden"


def _oauth_failure(text: str) -> str | None:
    """Return why a request for a token was refused; None when the text does not say that."""
    found = _OAUTH_ERROR.search(text)
    if found is None:
        return None
    if found[1] == "invalid_request" and _NOT_FOUND in text:
        return "invalid_refresh_token"
    return _OAUTH_REASONS.get(found[1])


def _is_request_id(value: str) -> bool:
    """Return whether a value is an id, such as a UUID; a proxy may have put a token there."""
    return _UUID.fullmatch(value) is not None or _is_other_id(value)


def _is_other_id(value: str) -> bool:
    return _REQUEST_ID.fullmatch(value) is not None and mask_issued(value) == value


def _expired_at(body: str) -> float | None:
    found = _EXPIRED_AT.search(body)
    try:
        moment = dt.datetime.fromisoformat(found[1]) if found else None
    except ValueError as error:
        raise_if_asynchronous(error)
        return None
    return moment.timestamp() if moment is not None and moment.tzinfo is not None else None


def _message(body: str, content_type: str) -> str | None:
    text = message_of_body(body)
    if text is None and content_type.startswith("text/plain"):
        text = plain_words(body.strip().partition("\n")[0])
    return redact(text, _LONGEST_MESSAGE) if text else None


def _length(value: str | None) -> int | None:
    return (
        int(value)
        if value and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_LENGTH
        else None
    )


def _number(value: str | None, at_least: float = -math.inf) -> float | None:
    if value is None or "_" in value or not value.isascii():  # which float() accepts
        return None
    try:
        number = float(value)
    except ValueError as error:
        raise_if_asynchronous(error)
        return None
    return number if at_least <= number < math.inf else None
