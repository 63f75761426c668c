"""Expectations and pauses over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import full_configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import Scope, TokenFile, append_token, new_token
from canvas_sync_exporter.web.context import WebContext
from support.http import serving
from support.runs import snapshot, write
from support.tables import create_tables

CONFIG = """
[syncs.full]
schedule = "0 2 * * *"
grace = "45m"
max_duration = "3h"
max_age = { grade = "26h" }
[[pauses]]
syncs = "grades"
from = 2020-01-01
until = 2999-01-01
reason = "no grades yet"
"""
YEAR = datetime.now(UTC).year + 2
BREAK = {"sync_types": ["full"], "until": f"{YEAR}-02-01T00:00:00+01:00", "reason": "long break"}


@dataclass
class Api:
    """The REST API of an exporter with tokens."""

    url: str
    secrets: dict[Scope, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: Any = None, scope: Scope = Scope.ADMIN
    ) -> requests.Response:
        return requests.request(
            method,
            f"{self.url}/api/canvas/metrics/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.secrets[scope]}"},
            timeout=30,
        )


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    (tmp_path / "config.toml").write_text(CONFIG)
    config = full_configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
            "CANVAS_SYNC_CONFIG": str(tmp_path / "config.toml"),
            "CANVAS_SYNC_EXPECTED_INTERVALS": "incremental=1h",
        }
    )
    secrets = {}
    for scope in (Scope.READ, Scope.ADMIN):
        secrets[scope], token = new_token(f"{scope}-of-ada", scope)
        append_token(tmp_path / "tokens", token)
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    write(engine, snapshot("one"))
    access = Access(TokenFile(tmp_path / "tokens"))
    app = create_app(WebContext(config, engine, access), CollectorRegistry())
    with serving(app) as url:
        yield Api(url, secrets)
    engine.dispose()


def test_the_expectation_of_each_sync_type_says_where_it_comes_from(api: Api) -> None:
    full, incremental = api.ask("GET", "expectations", scope=Scope.READ).json()["items"]

    assert (full["sync_type"], full["source"]) == ("full", "file")
    assert full["description"] == "at 02:00 every day (UTC)"
    assert full["next_due"].endswith("T02:00:00Z")
    assert (full["grace_seconds"], full["max_duration_seconds"]) == (2700.0, 10800.0)
    assert full["max_age_seconds"] == {"grade": 93600.0}
    assert full["paused_until"] is None
    assert (incremental["source"], incremental["description"]) == ("environment", "every hour")


def test_a_pause_is_set_listed_and_ended(api: Api) -> None:
    made = api.ask("POST", "pauses", BREAK).json()

    assert (made["author"], made["in_force"]) == ("admin-of-ada", True)
    assert made["end"] == f"{YEAR}-01-31T23:00:00Z"
    listed = api.ask("GET", "pauses", scope=Scope.READ).json()["items"]
    assert [(each["id"], each["author"]) for each in listed] == [
        (None, None),
        (made["id"], "admin-of-ada"),
    ]
    full = api.ask("GET", "expectations").json()["items"][0]
    assert full["paused_until"] == made["end"]

    ended = api.ask("DELETE", f"pauses/{made['id']}")

    assert (ended.status_code, ended.json()["in_force"]) == (200, False)
    assert api.ask("DELETE", f"pauses/{made['id']}").status_code == 404
    assert len(api.ask("GET", "pauses").json()["items"]) == 1


def test_only_an_admin_sets_and_ends_pauses(api: Api) -> None:
    number = api.ask("POST", "pauses", BREAK).json()["id"]

    assert api.ask("POST", "pauses", BREAK, Scope.READ).status_code == 403
    assert api.ask("DELETE", f"pauses/{number}", scope=Scope.READ).status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": f"{YEAR}-01-01T00:00:00"}, "until"),
        ({"until": "soon"}, "until"),
        ({"from": f"{YEAR}-03-01T00:00:00Z"}, "until"),
        ({"reason": " "}, "reason"),
        ({"reason": ""}, "reason"),
        ({"sync_types": [""]}, "sync_types"),
        ({"sync_types": "full"}, "sync_types"),
        ({"sync_type": "full"}, "sync_type"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "until"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "until"),
    ],
)
def test_a_pause_that_makes_no_sense_names_the_field(
    api: Api, changes: dict[str, Any], field: str
) -> None:
    answer = api.ask("POST", "pauses", BREAK | changes)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_other_methods_of_the_same_path_are_named(api: Api) -> None:
    answer = api.ask("PUT", "pauses")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert api.ask("OPTIONS", "pauses").headers["Allow"] == "GET, HEAD, POST, OPTIONS"
