"""Incidents over HTTP: lists, one, and acknowledging it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.database import downgrade
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import Scope, TokenFile, append_token, new_token
from canvas_sync_exporter.web.context import WebContext
from support.http import serving
from support.incidents import OPENED, incident

if TYPE_CHECKING:
    from .conftest import Exporter

WHY = {"reason": "The token is being renewed."}


@pytest.fixture
def failing(engine: Engine) -> Incident:
    """An open incident, beside a resolved one and one of a token."""
    written = write_incidents(
        engine,
        [
            incident(run_count=7, counts={"HTTP 503": 7}, request_ids=("1a2b",)),
            incident(IncidentKind.MISSED, resolved_at=OPENED),
            incident(
                IncidentKind.QUOTA_LOW,
                subject="3f2a91c0",
                sync_type=None,
                severity=Severity.WARNING,
            ),
        ],
    )
    return next(each for each in written if each.kind == IncidentKind.FAILING)


def _acknowledge(exporter: Exporter, number: int | None, **options: Any) -> requests.Response:
    path = f"/api/canvas/metrics/incidents/{number}/acknowledge"
    return exporter.request("POST", path, **({"json": WHY} | options))


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", {"failing", "missed", "quota_low"}),
        ("?state=open", {"failing", "quota_low"}),
        ("?state=resolved", {"missed"}),
        ("?state=acknowledged", set()),
        ("?kind=failing", {"failing"}),
        ("?sync_type=full", {"failing", "missed"}),
        ("?sync_type=full&state=open", {"failing"}),
    ],
)
def test_incidents_are_listed_by_state_kind_and_sync_type(
    exporter: Exporter, query: str, kinds: set[str]
) -> None:
    found = exporter.api(f"incidents{query}").json()
    assert {each["kind"] for each in found["items"]} == kinds
    assert found["next"] is None


@pytest.mark.usefixtures("failing")
def test_a_list_of_incidents_is_read_to_its_end_by_cursor(exporter: Exporter) -> None:
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        part = exporter.api(f"incidents?limit=1{cursor}").json()
        seen += [each["kind"] for each in part["items"]]
        cursor = f"&cursor={part['next']}"
    assert sorted(seen) == ["failing", "missed", "quota_low"]
    assert part["next"] is None


def test_one_incident_has_what_a_person_needs(exporter: Exporter, failing: Incident) -> None:
    found = exporter.api(f"incidents/{failing.id}").json()
    assert (found["kind"], found["subject"], found["severity"]) == ("failing", "full", "critical")
    assert found["opened_at"] == "2026-03-02T02:30:00.123456Z"
    assert (found["state"], found["acknowledgement"]) == ("open", None)
    assert (found["counts"], found["request_ids"]) == ({"HTTP 503": 7}, ["1a2b"])
    assert exporter.api("incidents/999").status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=gone", "state"), ("kind=odd", "kind"), ("limit=0", "limit"), ("cursor=x", "cursor")],
)
def test_a_wrong_filter_is_named(shared_exporter: Exporter, query: str, field: str) -> None:
    answer = shared_exporter.api(f"incidents?{query}")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_an_incident_is_acknowledged_with_who_and_why(
    exporter: Exporter, failing: Incident
) -> None:
    answer = _acknowledge(exporter, failing.id)
    assert answer.status_code == 200
    known = answer.json()["acknowledgement"]
    assert (known["author"], known["reason"]) == ("local", WHY["reason"])
    assert (answer.json()["state"], known["run_count"]) == ("acknowledged", 7)
    assert exporter.api(f"incidents/{failing.id}").json() == answer.json()
    listed = exporter.api("incidents?state=acknowledged").json()["items"]
    assert [each["id"] for each in listed] == [failing.id]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"{", None),
        (b'{"reason": "\xff"}', None),
        (b"[" * 4000, "body"),
        (b"[]", "body"),
        (b"{}", "reason"),
        (b'{"reason": ""}', "reason"),
        (b'{"reason": " \\n\\t"}', "reason"),
        (b'{"reason": 1}', "reason"),
        (b'{"reason": "a", "who": "me"}', "who"),
        (b'{"reason": "%s"}' % (b"a" * 501), "reason"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(
    exporter: Exporter, failing: Incident, body: bytes, field: str | None
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = _acknowledge(exporter, failing.id, json=None, data=body, headers=headers)
    assert answer.status_code == 422, answer.text
    errors = answer.json().get("errors", [])
    assert [each["field"] for each in errors] == ([] if field is None else [field])
    assert exporter.api(f"incidents/{failing.id}").json()["acknowledgement"] is None


def test_a_reason_cannot_carry_control_characters(exporter: Exporter, failing: Incident) -> None:
    answer = _acknowledge(exporter, failing.id, json={"reason": "a\0b\x1b[31m"})
    assert answer.json()["acknowledgement"]["reason"] == r"a\x00b\x1b[31m"


def test_acknowledging_asks_for_json_and_a_short_body(
    exporter: Exporter, failing: Incident
) -> None:
    assert _acknowledge(exporter, failing.id, json=None, data="reason=x").status_code == 415
    assert _acknowledge(exporter, failing.id, json={"reason": "a" * 5000}).status_code == 413


def test_what_is_over_or_unknown_cannot_be_acknowledged(
    exporter: Exporter, failing: Incident
) -> None:
    (over,) = exporter.api("incidents?state=resolved").json()["items"]
    assert _acknowledge(exporter, over["id"]).status_code == 409
    assert _acknowledge(exporter, 999).status_code == 404


def test_incidents_without_their_table_say_what_to_do(exporter: Exporter) -> None:
    downgrade(exporter.engine, "0007")
    answer = exporter.api("incidents")
    assert answer.status_code == 503
    assert "canvas-sync-monitor db upgrade" in answer.json()["detail"]


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """The secret of a token for each scope, named after its bearer."""
    made = {}
    for name, scope in (("ada", Scope.ADMIN), ("grafana", Scope.READ)):
        made[name], token = new_token(name, scope)
        append_token(tmp_path / "tokens", token)
    return made


@pytest.fixture
def guarded_url(
    tmp_path: Path, config: Configuration, engine: Engine, secrets: dict[str, str]
) -> Iterator[str]:
    access = Access(TokenFile(tmp_path / "tokens"))
    app = create_app(WebContext(config, engine, access), CollectorRegistry())
    with serving(app) as url:
        yield f"{url}/api/canvas/metrics/incidents"


def test_only_an_admin_acknowledges_and_the_tokens_name_is_noted(
    guarded_url: str, secrets: dict[str, str], failing: Incident
) -> None:
    def acknowledge(name: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {secrets[name]}"}
        url = f"{guarded_url}/{failing.id}/acknowledge"
        return requests.post(url, json=WHY, headers=headers, timeout=30)

    assert requests.get(guarded_url, timeout=30).status_code == 401
    assert acknowledge("grafana").status_code == 403
    assert acknowledge("ada").json()["acknowledgement"]["author"] == "ada"
