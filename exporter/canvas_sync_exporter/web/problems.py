"""Errors as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from flask import Response
from werkzeug.exceptions import HTTPException

__all__ = [
    "DATABASE_AWAY",
    "PROBLEM_TYPE",
    "FieldError",
    "Problem",
    "ProblemError",
    "http_problem",
]

PROBLEM_TYPE = "application/problem+json"
DATABASE_AWAY: Final = {503: "The database is unreachable; `Retry-After` says when to retry."}
"""Problem of each endpoint that reads the database, by status."""


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one parameter."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request failed (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: Sequence[FieldError] = ()


class ProblemError(Exception):
    """A request failed.

    Args:
        status: HTTP status of the answer.
        detail: What is wrong and what to do, for the caller.
        errors: The parameters that are wrong.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem("about:blank", HTTPStatus(status).phrase, status, detail, errors)
        self.headers = {"Cache-Control": "no-store", **(headers or {})}

    def response(self) -> Response:
        """The response with the problem."""
        return Response(
            msgspec.json.encode(self.problem),
            self.problem.status,
            self.headers,
            content_type=PROBLEM_TYPE,
        )


def http_problem(error: HTTPException) -> ProblemError:
    """Convert an error of werkzeug, such as "method not allowed", to a problem."""
    headers = {
        name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}
    }
    return ProblemError(error.code or 500, error.description or "", headers=headers)
