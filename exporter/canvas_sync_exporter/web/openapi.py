"""The OpenAPI 3.1 document, made from the table of endpoints and the types of their answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from canvas_sync_core.version import VERSION

from .auth import Scope
from .endpoint import Endpoint
from .formats import LIST_TYPES
from .parameters import Parameter
from .problems import PROBLEM_TYPE, Problem

__all__ = ["openapi_document"]

_REFERENCE = "#/components/schemas/{name}"
_SECURITY_SCHEME = "token"
_VARIABLE = re.compile(r"<(?:path:)?(\w+)>")
_BUSY = "Too many requests are being answered; `Retry-After` says when to try again."
_UNCHANGED = {"description": "The client has this answer: its `If-None-Match` is the `ETag`."}
_ALWAYS = {
    403: "The token's scope does not suffice; without tokens, the caller is not on this machine.",
    422: "A parameter is wrong; `errors` names it.",
}


def openapi_document(endpoints: Sequence[Endpoint], prefix: str, server: str) -> dict[str, Any]:
    """Describe the endpoints.

    Args:
        endpoints: The endpoints, in the order in which they shall be shown.
        prefix: What stands before each endpoint's path.
        server: URL of the server without the prefix; may be relative.
    """
    bodies = [endpoint.body for endpoint in endpoints if endpoint.body is not None]
    answers = [endpoint.answer for endpoint in endpoints]
    types = {_type_key(each): each for each in (*answers, *bodies, Problem)}
    schemas, components = msgspec.json.schema_components(types.values(), ref_template=_REFERENCE)
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        template = _VARIABLE.sub(r"{\1}", endpoint.path)
        paths.setdefault(f"{prefix}/{template}", {})[endpoint.method.lower()] = _operation(
            endpoint, by_type
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Canvas sync metrics",
            "version": VERSION,
            "summary": "What the syncs from the Canvas LMS did, and the upkeep of their logs.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {_SECURITY_SCHEME: _SECURITY}},
    }


_SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token with the scope "
    + ", ".join(f"`{scope}`" for scope in Scope)
    + ". Without a tokens file none is needed, and only this machine is answered.",
}


def _type_key(answer: Any) -> str:
    return str(answer)


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    body = {endpoint.content_type: {"schema": schemas[_type_key(endpoint.answer)]}}
    if endpoint.is_list:
        body |= {each: {"schema": {"type": "string"}} for each in LIST_TYPES if each not in body}
    answers = {200: "The answer.", **endpoint.further_answers}
    problems = {**_ALWAYS, **endpoint.problems}
    if not endpoint.is_always_answered:
        away = problems.get(503)
        problems[503] = f"{away} {_BUSY}" if away else _BUSY
    security: list[dict[str, list[str]]] = [{}]
    if endpoint.scope is not None:
        security = [{_SECURITY_SCHEME: []}, {}]
        problems[401] = "There is no valid access token."
    problem_body = {PROBLEM_TYPE: {"schema": schemas[_type_key(Problem)]}}
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "security": security,
        "parameters": [
            _parameter(parameter, name)
            for parameter in endpoint.parameters
            for name in parameter.names
        ],
        "responses": {
            str(status): {"description": text, "content": content}
            for content, texts in ((body, answers), (problem_body, problems))
            for status, text in sorted(texts.items())
        },
    }
    if endpoint.is_conditional:
        operation["responses"]["304"] = _UNCHANGED
    if endpoint.scope is not None:
        operation["description"] = f"Needs a token with the scope `{endpoint.scope}` or `admin`."
    if endpoint.method == "POST":
        schema: Any = schemas.get(_type_key(endpoint.body), _EMPTY_OBJECT)
        content = {"application/json": {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


_EMPTY_OBJECT = {"type": "object", "additionalProperties": False}


def _parameter(parameter: Parameter, name: str) -> dict[str, Any]:
    deprecation = {"deprecated": True} if name == parameter.former_name else {}
    return {
        "name": name,
        "in": "path" if parameter.in_path else "query",
        "required": parameter.in_path or parameter.is_required,
        "description": parameter.description,
        "schema": dict(parameter.schema),
        **deprecation,
    }
