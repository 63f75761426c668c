"""A parsed request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API.

    Attributes:
        method: In upper case.
        url: Scheme, host and path, as the client spelled them: links must lead back there.
        path: Path alone.
        query: Pairs of the query string, in order.
        headers: By name in lower case.
        body: As it came.
    """

    method: str
    url: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str | None:
        """The access token from ``Authorization`` or, as Canvas allows, from the query."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else self.parameter("access_token")

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)
