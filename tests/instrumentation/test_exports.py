"""What the package exports, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import canvas_sync_instrumentation


@pytest.mark.parametrize("name", canvas_sync_instrumentation.__all__)
def test_each_exported_name_can_be_imported(name: str) -> None:
    assert getattr(canvas_sync_instrumentation, name).__module__.startswith(
        "canvas_sync_instrumentation."
    )


def test_the_exported_names_are_listed() -> None:
    assert dir(canvas_sync_instrumentation) == sorted(canvas_sync_instrumentation.__all__)


def test_a_name_that_is_not_exported_is_an_ordinary_error() -> None:
    with pytest.raises(ImportError, match="cannot import name 'CanvasSyncTracker'"):
        from canvas_sync_instrumentation import CanvasSyncTracker  # noqa: F401


def test_the_log_tools_start_without_loading_database_tracing_and_web_libraries() -> None:
    program = (
        "import sys; from canvas_sync_exporter.cli import make_parser; make_parser(['search'])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"sqlalchemy", "opentelemetry", "prometheus_client", "flask", "apscheduler"}
    assert "canvas_sync_instrumentation.settings" in loaded
    assert heavy & set(loaded) == set()
