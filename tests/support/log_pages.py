"""The page of the logs: its lines, and an exporter with empty logs to which a test writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from canvas_sync_core.names import Log
from support.log_folders import json_line
from support.pages import Served, serving_pages

__all__ = ["SOON", "fields", "own", "rows", "write"]

SOON = 60_000  # ms


def fields(line: dict[str, Any]) -> dict[str, str]:
    return dict(line["fields"])


def rows(page: Page) -> Locator:
    return page.locator("#lines .line > summary")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """An exporter with empty logs, to which a test writes."""
    with serving_pages(tmp_path, with_history=False) as served:
        served.config.app.log_dir.mkdir(exist_ok=True)
        yield served


def write(own: Served, *messages: str, log: Log = Log.ERRORS, **fields: Any) -> None:
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    with (own.config.app.log_dir / f"{log.value}.log").open("ab") as file:
        for message in messages:
            line = {"timestamp": stamp, "level": "INFO", "log": log.value, "message": message}
            file.write(json_line({**line, **fields}))
