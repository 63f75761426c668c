"""Logs behind the REST API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.retention_settings import make_retention_settings

if TYPE_CHECKING:
    from exporter.web.conftest import Exporter

__all__ = ["clean", "search"]


def search(exporter: Exporter, query: str = "") -> dict[str, Any]:
    answer = exporter.api(f"logs/search?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def clean(exporter: Exporter) -> None:
    settings = replace(make_retention_settings(exporter.config), archive_days=36500)
    assert cleanup_canvas_sync_logs(settings).errors == []
