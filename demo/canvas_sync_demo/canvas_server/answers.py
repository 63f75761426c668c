"""Builds answers with the wording of Canvas.

Sources: ``application_controller.rb`` (errors), ``lib/authentication_methods.rb`` (401) and
``app/middleware/request_throttle.rb`` (throttling) of instructure/canvas-lms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "Answer",
    "RefusedError",
    "bad_request",
    "error_report",
    "forbidden",
    "insufficient_scopes",
    "json_answer",
    "no_user_agent",
    "not_found",
    "throttled",
    "token_refused",
    "unauthenticated",
]

_JSON = "application/json; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_CHALLENGE = (("www-authenticate", 'Bearer realm="canvas-lms"'),)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    Attributes:
        headers: Beyond the content type and those that every answer has; names in lower case.
        items: How many records it holds: what it cost depends on them.
    """

    status: int
    body: bytes
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()
    items: int = 1


class RefusedError(Exception):
    """A request that ends with an error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(
    data: Any,
    *,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """Make a JSON answer."""
    items = len(data) if isinstance(data, list) else 1
    return Answer(status, json.dumps(data).encode(), headers=headers, items=items)


def token_refused(reason: Literal["invalid", "expired", "revoked"]) -> Answer:
    """401: the token is unknown, expired or revoked."""
    error = {"message": f"{reason.capitalize()} access token."}
    if reason == "expired":
        error["expired_at"] = "2026-08-31T00:00:00Z"
    return json_answer({"errors": [error]}, status=401, headers=_CHALLENGE)


def unauthenticated() -> Answer:
    """401: no token at all."""
    body = _errors("user authorization required", status="unauthenticated")
    return json_answer(body, status=401, headers=_CHALLENGE)


def insufficient_scopes() -> Answer:
    """401 without a challenge: a valid token that does not cover the route."""
    return json_answer(_errors("Insufficient scopes on access token."), status=401)


def forbidden(status: int) -> Answer:
    """No permission: 403 in current versions, 401 in older ones."""
    message = "user not authorized to perform that action"
    return json_answer(_errors(message, status="unauthorized"), status=status)


def not_found() -> Answer:
    """404, also for objects that the user may not know about."""
    return json_answer(_errors("The specified resource does not exist."), status=404)


def bad_request(message: str) -> Answer:
    """400: a parameter is missing or wrong."""
    return json_answer(_errors(message), status=400)


def error_report(status: int, report_id: int) -> Answer:
    """A failure of Canvas itself, with the number of its report."""
    error = {"message": "An error occurred.", "error_code": "internal_server_error"}
    return json_answer({"errors": [error], "error_report_id": report_id}, status=status)


def throttled(status: int) -> Answer:
    """Over the rate limit: 403 as documented, 429 in cloud Canvas since late 2025."""
    reason = {403: "Forbidden", 429: "Too Many Requests"}[status]
    return Answer(status, f"{status} {reason} (Rate Limit Exceeded)\n".encode(), _TEXT)


def no_user_agent() -> Answer:
    """403: requests without a User-Agent are refused since January 2026."""
    return Answer(403, b"403 Forbidden\n", _TEXT)


def _errors(message: str, status: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"errors": [{"message": message}]}
    return body if status is None else {"status": status, **body}
