"""One endpoint of the REST API, and the handling of its requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed

from .access import Access
from .auth import Scope
from .concurrency_limit import ConcurrencyLimit
from .delivery import Body, deliver
from .formats import FORMAT, EncodedList, Format, chosen_format, encode_list, list_response
from .parameters import Parameter, read_parameters, require_proper_encoding
from .problems import FieldError, ProblemError
from .response_cache import allow_caching
from .shared_answers import SharedAnswers

__all__ = ["Endpoint", "find_endpoint", "json_response"]

_MAX_BODY = 4096
_DEPRECATED_SINCE = "@1795996800"
"""When the former names of parameters were deprecated, as RFC 9745 writes it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    Attributes:
        path: Flask rule below the prefix of the API.
        handler: Called with the parameters by name; returns the body, or a response.
        summary: One line for the OpenAPI document.
        answer: Type of the body; its JSON Schema goes into the OpenAPI document.
        tag: Its group in the OpenAPI document.
        scope: The scope that a token must cover; None for public access.
        problems: Statuses of its own errors and when they occur, in addition to common ones.
        further_answers: Statuses other than 200 with the same body.
        content_type: Content type of the body.
        is_always_answered: Whether it is answered however busy the server is.
        is_shared: Whether requests with the same parameters may share an answer; it must depend on
            nothing else of a request.
        body: Type of the body of a POST, which the handler gets as ``body``; None if a POST has
            no body or an empty JSON object.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    summary: str
    answer: Any
    tag: str
    parameters: tuple[Parameter, ...] = ()
    scope: Scope | None = Scope.READ
    problems: Mapping[int, str] = field(default_factory=dict)
    further_answers: Mapping[int, str] = field(default_factory=dict)
    content_type: str = "application/json"
    is_always_answered: bool = False
    is_shared: bool = False
    body: type[Any] | None = None

    @property
    def name(self) -> str:
        """Operation id and name of the Flask endpoint."""
        return self.handler.__name__

    @property
    def is_conditional(self) -> bool:
        """Whether clients can revalidate a cached response."""
        is_json = self.content_type == "application/json"
        return self.method == "GET" and is_json and not self.is_always_answered

    @property
    def is_list(self) -> bool:
        """Whether it answers in the format that the client wants."""
        return FORMAT in self.parameters

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it answers."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    def respond(
        self,
        access: Access,
        limit: ConcurrencyLimit,
        shared: SharedAnswers,
        path: Mapping[str, str],
    ) -> Response:
        """Answer the current request, which matched the path and one of the methods.

        Raises:
            ProblemError: The request is invalid or cannot be answered.
        """
        token = None if self.scope is None else access.require(request, self.scope)
        require_proper_encoding(request.environ["PATH_INFO"], request.query_string)
        values = read_parameters(self.parameters, path, request.args)
        if self.method == "POST":
            values |= _read_body(self.body)
        deprecated = {each.former_name for each in self.parameters} & request.args.keys()
        # Requests that share an answer count too: each of them occupies a thread while it waits.
        with nullcontext() if self.is_always_answered else limit.acquired():
            if self.is_shared:
                answer, is_current = self._shared_response(shared, values)
                if is_current is not None:
                    allow_caching(
                        request.environ,
                        lambda: access.still_accepts(token) and limit.allows(is_current),
                    )
            else:
                answer = self._response(values)
        if deprecated:
            answer.headers["Deprecation"] = _DEPRECATED_SINCE
        return answer

    def _response(self, values: dict[str, Any]) -> Response:
        chosen = self._chosen_format(values)
        result = self.handler(**values)
        if isinstance(result, Response):
            return result
        if chosen is not None:
            return self._deliver(encode_list(result, chosen))
        answer = json_response(result)
        return deliver(answer) if self.is_conditional else answer

    def _shared_response(
        self, shared: SharedAnswers, values: dict[str, Any]
    ) -> tuple[Response, Callable[[], bool] | None]:
        """Return the response, and a function that says whether it is still current.

        The function is None for a response that is not cached, because it is large.
        """
        chosen = self._chosen_format(values)

        def encode_answer() -> EncodedList | Body:
            result = self.handler(**values)
            return (
                Body(msgspec.json.encode(result)) if chosen is None else encode_list(result, chosen)
            )

        question = self.name, chosen, tuple(sorted(values.items(), key=itemgetter(0)))
        answer = shared.get(question, encode_answer)
        is_current = partial(shared.is_current, question, answer) if answer.is_small() else None
        return self._deliver(answer), is_current

    def _chosen_format(self, values: dict[str, Any]) -> Format | None:
        """Take the format out of the values; None if the answer is not a list."""
        return chosen_format(values.pop(FORMAT.name)) if self.is_list else None

    def _deliver(self, encoded: EncodedList | Body) -> Response:
        if isinstance(encoded, Body):
            return deliver(Response(encoded.content, content_type=self.content_type), encoded)
        return deliver(list_response(encoded, self.name), encoded.body)


def find_endpoint(endpoints: Sequence[Endpoint], method: str) -> Endpoint | Response:
    """Return the endpoint of a path that answers a method; for OPTIONS, the answer itself.

    Raises:
        MethodNotAllowed: There is none.
    """
    allowed = [each for endpoint in endpoints for each in endpoint.methods] + ["OPTIONS"]
    if method == "OPTIONS":
        return Response(status=204, headers={"Allow": ", ".join(allowed)})
    for endpoint in endpoints:
        if method in endpoint.methods:
            return endpoint
    raise MethodNotAllowed(allowed)


def json_response(body: Any, status: int = 200) -> Response:
    """Answer with ``body`` as JSON that must not be cached."""
    return Response(
        msgspec.json.encode(body),
        status,
        {"Cache-Control": "no-store"},
        content_type="application/json",
    )


def _read_body(body: type[Any] | None) -> dict[str, Any]:
    """Read the body of a POST as the argument of a handler.

    Raises:
        ProblemError: It is not JSON, too long, or does not match the endpoint's type.
    """
    if request.mimetype != "application/json":  # a form on a foreign site cannot send this (CSRF)
        raise ProblemError(415, "Send Content-Type: application/json.")
    if (request.content_length or 0) > _MAX_BODY:
        raise ProblemError(413, f"Send a body of at most {_MAX_BODY} bytes.")
    content = request.get_data()
    if body is not None:
        return {"body": _decode(content, body)}
    if content.strip() not in (b"", b"{}"):
        raise ProblemError(422, "Send no body or an empty JSON object.")
    return {}


def _decode(content: bytes, body: type[Any]) -> Any:
    try:
        return msgspec.json.decode(content, type=body)
    except msgspec.ValidationError as error:
        detail, _, place = str(error).partition(" - at ")
        name = place.strip("`").removeprefix("$.") or _named_field(detail)
        wrong = FieldError(name, detail)
        raise ProblemError(422, f"The body is wrong: {error}.", errors=[wrong]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(422, f"The body is not JSON: {error}.") from error


def _named_field(detail: str) -> str:
    """Return the field that is missing or unknown, as msgspec's message says."""
    is_about_a_field = detail.startswith("Object ") and detail.endswith("`")
    return detail.split("`")[-2] if is_about_a_field else "body"
