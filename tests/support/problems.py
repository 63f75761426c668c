"""Errors of the REST API."""

from __future__ import annotations

from typing import Any

import requests

__all__ = ["problem_of"]


def problem_of(answer: requests.Response, status: int) -> dict[str, Any]:
    """Return the problem that an answer is, after checking what all of them have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    return problem
