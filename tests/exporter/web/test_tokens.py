"""What each token may do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import Scope, TokenFile, append_token, new_token
from canvas_sync_exporter.web.context import WebContext
from support.http import serving

METRICS, API = "/metrics", "/api/canvas/metrics"
READ_PATHS = (
    f"{API}/sync/1",
    f"{API}/sync/task/broken",
    f"{API}/user/42/summary",
    f"{API}/user/42/syncs",
    f"{API}/summary",
    f"{API}/recent",
    f"{API}/failed",
    f"{API}/suspect",
    f"{API}/performance",
    f"{API}/freshness",
    f"{API}/quota",
    f"{API}/logs/cleanup-status",
)


@dataclasses.dataclass
class Guarded:
    """A running exporter with one token of each scope."""

    url: str
    file: Path
    secrets: dict[str, str]

    def ask(self, method: str, path: str, secret: str | None = None) -> requests.Response:
        """Send a request with a token."""
        headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
        body: dict[str, str] | None = {} if method == "POST" else None
        return requests.request(method, self.url + path, headers=headers, json=body, timeout=30)


@pytest.fixture
def guarded(config: Configuration, engine: Engine, tmp_path: Path) -> Iterator[Guarded]:
    file = tmp_path / "tokens"
    secrets: dict[str, str] = {}
    for scope in Scope:
        secrets[scope], token = new_token(f"for-{scope}", scope)
        append_token(file, token)
    config.app.metrics_folder.mkdir()
    context = WebContext(config, engine, Access(TokenFile(file)))
    with serving(create_app(context, CollectorRegistry())) as url:
        yield Guarded(url, file, secrets)


@pytest.mark.parametrize("scope", Scope)
def test_each_scope_opens_its_own_endpoints_and_admin_all(guarded: Guarded, scope: Scope) -> None:
    secret = guarded.secrets[scope]
    doors = {
        Scope.METRICS: [("GET", METRICS)],
        Scope.READ: [("GET", path) for path in READ_PATHS],
        Scope.ADMIN: [("POST", f"{API}/logs/cleanup")],
    }
    for needed, requests_ in doors.items():
        for method, path in requests_:
            answer = guarded.ask(method, path, secret)
            opens = scope in (needed, Scope.ADMIN)
            assert answer.status_code == (200 if opens else 403), (method, path)
            if not opens:
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("secret", [None, "", "wrong", "csm_", "\u00ff", "a" * 20_000])
def test_no_endpoint_opens_without_a_valid_token(guarded: Guarded, secret: str | None) -> None:
    for method, path in [
        ("GET", METRICS),
        ("POST", f"{API}/logs/cleanup"),
        *(("GET", path) for path in READ_PATHS),
    ]:
        answer = guarded.ask(method, path, secret)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_hash_in_the_file_is_not_accepted_as_a_token(guarded: Guarded) -> None:
    for line in guarded.file.read_text().splitlines():
        digest = line.rpartition(":")[2]
        for guess in (digest, f"sha256:{digest}"):
            assert guarded.ask("GET", METRICS, guess).status_code == 401


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "bearer  {}", "BEARER {}", "Token {}"])
def test_only_the_bearer_scheme_is_taken(guarded: Guarded, header: str) -> None:
    headers = {"Authorization": header.format(guarded.secrets["read"])}
    answer = requests.get(f"{guarded.url}{API}/recent", headers=headers, timeout=30)
    assert answer.status_code == (200 if header.lower().startswith("bearer ") else 401)


def test_a_wrong_parameter_is_named_only_to_token_holders(guarded: Guarded) -> None:
    assert guarded.ask("GET", f"{API}/recent?limit=0").status_code == 401
    assert guarded.ask("GET", f"{API}/recent?limit=0", guarded.secrets["read"]).status_code == 422


def test_health_is_public_and_its_checks_are_for_readers(guarded: Guarded) -> None:
    health = f"{API}/health"
    assert guarded.ask("GET", health).json() == {"status": "ok"}
    assert guarded.ask("GET", health, guarded.secrets["metrics"]).json() == {"status": "ok"}
    assert "database" in guarded.ask("GET", health, guarded.secrets["read"]).json()["checks"]


def test_the_documentation_is_open(guarded: Guarded) -> None:
    for path in ("/api/canvas/openapi.json", "/api/canvas/docs"):
        assert guarded.ask("GET", path).status_code == 200


def test_with_tokens_any_host_name_is_answered(guarded: Guarded) -> None:
    headers = {"Host": "sync.example.org", "Authorization": f"Bearer {guarded.secrets['read']}"}
    answer = requests.get(f"{guarded.url}{API}/recent", headers=headers, timeout=30)
    assert answer.status_code == 200


def test_a_revoked_token_is_refused_at_once(guarded: Guarded) -> None:
    secret = guarded.secrets["read"]
    assert guarded.ask("GET", f"{API}/recent", secret).status_code == 200
    lines = [line for line in guarded.file.read_text().splitlines() if " read " not in line]
    guarded.file.write_text("\n".join(lines) + "\n")
    assert guarded.ask("GET", f"{API}/recent", secret).status_code == 401
