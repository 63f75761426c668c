"""The OpenAPI document and its rendered page."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from canvas_sync_core.names import Log
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.logs.search import LinePosition
from support.incidents import incident
from support.messages import message

if TYPE_CHECKING:
    from .conftest import Exporter

METRICS = "/api/canvas/metrics"
GONE = LinePosition(Log.ERRORS, 0, b"", 0).encode()

ENDPOINTS = {
    ("get", f"{METRICS}/sync/{{run_id}}"),
    ("get", f"{METRICS}/sync/task/{{task_id}}"),
    ("get", f"{METRICS}/user/{{user_id}}/summary"),
    ("get", f"{METRICS}/user/{{user_id}}/syncs"),
    ("get", f"{METRICS}/runs"),
    ("get", f"{METRICS}/runs/facets"),
    ("get", f"{METRICS}/running"),
    ("get", f"{METRICS}/series"),
    ("get", f"{METRICS}/errors/top"),
    ("get", f"{METRICS}/errors/series"),
    *(
        ("get", f"{METRICS}/sync/{{run_id}}/{part}")
        for part in ("calls", "steps", "log", "history")
    ),
    ("get", f"{METRICS}/summary"),
    ("get", f"{METRICS}/recent"),
    ("get", f"{METRICS}/failed"),
    ("get", f"{METRICS}/suspect"),
    ("get", f"{METRICS}/performance"),
    ("get", f"{METRICS}/freshness"),
    ("get", f"{METRICS}/quota"),
    ("get", f"{METRICS}/incidents"),
    ("get", f"{METRICS}/incidents/{{incident_id}}"),
    ("post", f"{METRICS}/incidents/{{incident_id}}/acknowledge"),
    ("get", f"{METRICS}/messages"),
    ("get", f"{METRICS}/expectations"),
    ("get", f"{METRICS}/pauses"),
    ("post", f"{METRICS}/pauses"),
    ("delete", f"{METRICS}/pauses/{{pause_id}}"),
    ("get", f"{METRICS}/logs/cleanup-status"),
    ("post", f"{METRICS}/logs/cleanup"),
    ("get", f"{METRICS}/health"),
    ("get", f"{METRICS}/logs/search"),
    ("get", f"{METRICS}/logs/context"),
    ("get", f"{METRICS}/logs/histogram"),
    ("get", f"{METRICS}/logs/facets"),
    ("get", f"{METRICS}/logs/tail"),
}
ASKED = [
    ("get", "/sync/{run_id}", "/sync/1", 200),
    ("get", "/sync/{run_id}", "/sync/999", 404),
    ("get", "/sync/{run_id}", "/sync/x", 422),
    ("get", "/sync/task/{task_id}", "/sync/task/nightly/42", 200),
    ("get", "/sync/task/{task_id}", "/sync/task/broken", 200),
    ("get", "/user/{user_id}/summary", "/user/42/summary?days=3", 200),
    ("get", "/user/{user_id}/summary", "/user/9/summary", 404),
    ("get", "/user/{user_id}/syncs", "/user/42/syncs?limit=2", 200),
    ("get", "/runs", "/runs?status=failed&status=success&from=7d", 200),
    ("get", "/runs", "/runs?host=sync-1&format=json", 200),
    ("get", "/runs", "/runs?from=now", 422),
    ("get", "/runs/facets", "/runs/facets?host=sync-1", 200),
    ("get", "/running", "/running?limit=1", 200),
    ("get", "/series", "/series?from=36h&step=1h&by=status&tz=Asia/Kathmandu", 200),
    ("get", "/series", "/series?step=1s", 422),
    ("get", "/errors/top", "/errors/top?from=36h&limit=3", 200),
    ("get", "/errors/series", "/errors/series?from=36h&limit=3&step=30m", 200),
    ("get", "/sync/{run_id}/history", "/sync/1/history", 200),
    ("get", "/sync/{run_id}/calls", "/sync/1/calls?kind=api&kind=guard", 200),
    ("get", "/sync/{run_id}/calls", "/sync/1/calls?kind=odd", 422),
    ("get", "/sync/{run_id}/steps", "/sync/1/steps", 200),
    ("get", "/sync/{run_id}/log", "/sync/1/log?log=errors", 200),
    ("get", "/sync/{run_id}/log", "/sync/999/log", 404),
    ("get", "/summary", "/summary", 200),
    ("get", "/recent", "/recent?limit=1", 200),
    ("get", "/recent", "/recent?limit=0&x=1", 422),
    ("get", "/failed", "/failed", 200),
    ("get", "/suspect", "/suspect?days=30", 200),
    ("get", "/performance", "/performance", 200),
    ("get", "/summary", "/summary?exact=true", 200),
    ("get", "/performance", "/performance?exact=true&tz=Asia/Kathmandu", 200),
    ("get", "/performance", "/performance?days=", 422),
    ("get", "/freshness", "/freshness?days=30", 200),
    ("get", "/freshness", "/freshness?days=0", 422),
    ("get", "/quota", "/quota", 200),
    ("get", "/quota", "/quota?days=1", 422),
    ("get", "/incidents", "/incidents?state=open", 200),
    ("get", "/incidents", "/incidents?state=odd", 422),
    ("get", "/messages", "/messages?state=waiting", 200),
    ("get", "/messages", "/messages?state=odd", 422),
    ("get", "/incidents/{incident_id}", "/incidents/1", 200),
    ("get", "/incidents/{incident_id}", "/incidents/9", 404),
    ("post", "/incidents/{incident_id}/acknowledge", "/incidents/1/acknowledge", 200),
    ("post", "/incidents/{incident_id}/acknowledge", "/incidents/9/acknowledge", 404),
    ("get", "/expectations", "/expectations", 200),
    ("get", "/pauses", "/pauses", 200),
    ("post", "/pauses", "/pauses", 200),
    ("delete", "/pauses/{pause_id}", "/pauses/9", 404),
    ("delete", "/pauses/{pause_id}", "/pauses/x", 422),
    ("get", "/logs/cleanup-status", "/logs/cleanup-status", 200),
    ("post", "/logs/cleanup", "/logs/cleanup", 200),
    ("get", "/health", "/health", 200),
    ("get", "/logs/search", "/logs/search", 200),
    ("get", "/logs/search", "/logs/search?limit=0&level=LOUD", 422),
    ("get", "/logs/tail", "/logs/tail?lines=all", 422),
    ("get", "/logs/context", "/logs/context", 422),
    ("get", "/logs/histogram", "/logs/histogram", 200),
    ("get", "/logs/histogram", "/logs/histogram?buckets=1", 422),
    ("get", "/logs/facets", "/logs/facets", 200),
    ("get", "/logs/facets", "/logs/facets?values=0", 422),
    ("get", "/logs/context", f"/logs/context?position={GONE}", 410),
]


@pytest.fixture(scope="module")
def document(shared_exporter: Exporter) -> dict[str, Any]:
    found: dict[str, Any] = shared_exporter.get("/api/canvas/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def shared_incident(shared_exporter: Exporter) -> Exporter:
    """The shared exporter with an incident and a message."""
    _write_incident(shared_exporter)
    return shared_exporter


def _write_incident(exporter: Exporter) -> None:
    write_incidents(exporter.engine, [incident()])
    add_messages(exporter.engine, [message()])


@pytest.fixture
def exporter_of_method(request: pytest.FixtureRequest, method: str) -> Exporter:
    """An exporter with an incident and a message; a request that changes something has its own."""
    if method == "get":
        shared: Exporter = request.getfixturevalue("shared_incident")
        return shared
    own: Exporter = request.getfixturevalue("exporter")
    _write_incident(own)
    return own


def test_the_document_is_valid_openapi_and_has_all_endpoints(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()
    found = {(method, path) for path, item in document["paths"].items() for method in item}
    assert found == ENDPOINTS


def test_every_operation_documents_its_problems_and_security(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation["summary"]
            assert operation["operationId"]
            assert {} in operation["security"]
            if not path.endswith("/health"):
                assert {"token": []} in operation["security"]
            for status, answer in operation["responses"].items():
                is_problem = int(status) >= 400 and not path.endswith("/health")
                kind = "application/problem+json" if is_problem else "application/json"
                assert is_problem is False or list(answer["content"]) == [kind], (path, status)
            for parameter in operation["parameters"]:
                assert parameter["description"]
                assert parameter["schema"]["type"] in {"array", "boolean", "integer", "string"}


@pytest.mark.parametrize(("method", "template", "path", "status"), ASKED)
def test_each_answer_is_as_the_document_says(
    exporter_of_method: Exporter,
    document: dict[str, Any],
    *,
    method: str,
    template: str,
    path: str,
    status: int,
) -> None:
    body: dict[str, str] | None = {} if method == "post" else None
    if path.endswith("/acknowledge"):
        body = {"reason": "The token is being renewed."}
    elif path == "/pauses" and method == "post":
        body = {"reason": "winter break", "until": f"{datetime.now(UTC).year + 1}-01-07T00:00:00Z"}
    answer = exporter_of_method.request(method.upper(), METRICS + path, json=body)
    assert answer.status_code == status
    operation = document["paths"][METRICS + template][method]
    schema = operation["responses"][str(status)]["content"][answer.headers["Content-Type"]]
    validator = Draft202012Validator(
        {**_closed(schema["schema"]), "components": _closed(document["components"])},
        format_checker=FormatChecker(["date-time", "date"]),
    )
    validator.validate(answer.json())


def _closed(schema: Any) -> Any:
    """The same schema, but objects may have no property that it does not name."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed


def test_the_page_needs_nothing_from_elsewhere(shared_exporter: Exporter) -> None:
    page = shared_exporter.get("/api/canvas/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "://" not in page.text
    files = re.findall(r'(?:href|src|data-document)="([^"]+)"', page.text)
    assert len(files) == 5
    for file in files:
        path = urljoin("/api/canvas/docs", file)
        assert shared_exporter.get(path).status_code == 200, file


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "swagger-ui.js", ""])
def test_the_page_serves_no_other_file(shared_exporter: Exporter, name: str) -> None:
    assert shared_exporter.get(f"/api/canvas/docs/{name}").status_code == 404


def test_an_endpoint_that_needs_a_content_type_requires_a_body_in_the_document(
    shared_exporter: Exporter, document: dict[str, Any]
) -> None:
    """Without one it is refused, so clients that are made of the document must send one."""
    assert document["paths"][f"{METRICS}/logs/cleanup"]["post"]["requestBody"]["required"] is True
    assert shared_exporter.request("POST", f"{METRICS}/logs/cleanup").status_code == 415
