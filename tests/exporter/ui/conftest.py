"""A served exporter, whose pages have all the time that they need for reading logs."""

from __future__ import annotations

import pytest

from support.many_types import many_types
from support.pages import site

__all__ = ["many_types", "site"]


@pytest.fixture(autouse=True)
def _patient_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page shows what it has found in part of a second, which on a busy machine is nothing."""
    monkeypatch.setattr("canvas_sync_exporter.ui.pages.logs._FIRST_SECONDS", 60.0)
    monkeypatch.setattr("canvas_sync_exporter.ui.pages.logs._FURTHER_SECONDS", 60.0)
    monkeypatch.setattr("canvas_sync_exporter.ui.pages.canvas._USE_SECONDS", 60.0)
