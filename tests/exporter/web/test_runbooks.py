"""The runbooks as pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import Scope, TokenFile, append_token, new_token
from canvas_sync_exporter.web.context import WebContext
from support.markdown import DOCS

if TYPE_CHECKING:
    from .conftest import Exporter

PAGES = sorted((DOCS / "runbooks").glob("*.md"))


def test_an_alert_has_its_runbook_as_a_readable_page(exporter: Exporter) -> None:
    answer = exporter.get("/runbooks/CanvasSyncStale")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for heading in ("Meaning", "Impact", "Diagnosis", "Mitigation"):
        assert f"<h2>{heading}</h2>" in answer.text
    assert "<pre><code" in answer.text


def test_the_list_leads_to_each_of_them(exporter: Exporter) -> None:
    text = exporter.get("/runbooks/").text
    for page in PAGES:
        assert f'<a href="{page.stem}">' in text
        assert exporter.get(f"/runbooks/{page.stem}").status_code == 200


def test_links_between_runbooks_work_as_they_are_written(exporter: Exporter) -> None:
    assert 'href="CanvasSyncStuck.md"' in exporter.get("/runbooks/CanvasSyncStale").text
    answer = exporter.get("/runbooks/CanvasSyncStuck.md")
    assert answer.text == exporter.get("/runbooks/CanvasSyncStuck").text


@pytest.mark.parametrize(
    "name",
    [
        "Unknown",
        "..%2Fhow-to%2Ftokens",
        "../how-to/tokens",
        "%2e%2e/index",
        "%2Fetc%2Fpasswd",
        "CanvasSyncStale%00",
        pytest.param("x" * 5000, id="long"),
    ],
)
def test_nothing_else_can_be_read(exporter: Exporter, name: str) -> None:
    answer = exporter.get(f"/runbooks/{name}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_no_token_is_needed(config: Configuration, engine: Engine, tmp_path: Path) -> None:
    """They are as public as the documentation of the API; whoever is called at night has none."""
    append_token(tmp_path / "tokens", new_token("someone", Scope.READ)[1])
    access = Access(TokenFile(tmp_path / "tokens"))
    context = WebContext(config, engine, access)
    client = create_app(context, CollectorRegistry()).test_client()
    assert client.get("/runbooks/CanvasSyncStale").status_code == 200
    assert client.get("/metrics").status_code == 401
