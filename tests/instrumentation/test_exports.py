"""What the package exports, and what importing it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import canvas_sync_instrumentation
from canvas_sync_core import canvas
from canvas_sync_exporter import logs
from canvas_sync_instrumentation import integrations

LAZY = (canvas_sync_instrumentation, integrations, canvas, logs)


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in LAZY for name in package.__all__]
)
def test_each_exported_name_can_be_imported(package: ModuleType, name: str) -> None:
    assert getattr(package, name).__module__.startswith("canvas_sync_")


@pytest.mark.parametrize("package", LAZY, ids=lambda package: package.__name__)
def test_type_checkers_see_the_names_that_are_exported(package: ModuleType) -> None:
    """They read the imports, and the program its table of modules."""
    assert package.__file__ is not None
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = [(alias.name, alias.asname) for node in imports for alias in node.names]
    assert sorted(seen) == sorted((name, name) for name in package.__all__)


def test_each_integration_is_exported_by_the_package() -> None:
    hooks = [
        name for name in integrations.__all__ if name.startswith(("instrument", "uninstrument"))
    ]
    assert hooks
    assert set(hooks) <= set(canvas_sync_instrumentation.__all__)


def test_the_exported_names_are_listed() -> None:
    assert dir(canvas_sync_instrumentation) == sorted(canvas_sync_instrumentation.__all__)


def test_a_name_that_is_not_exported_is_an_ordinary_error() -> None:
    with pytest.raises(ImportError, match="cannot import name 'CanvasSyncTracker'"):
        from canvas_sync_instrumentation import CanvasSyncTracker  # noqa: F401


def test_the_log_tools_start_without_loading_database_tracing_and_web_libraries() -> None:
    program = (
        "import sys; from canvas_sync_exporter.command_line import make_parser; "
        "make_parser(['search'])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"sqlalchemy", "opentelemetry", "prometheus_client", "flask", "apscheduler"}
    heavy |= {"canvas_sync_exporter.logs.cleanup", "canvas_sync_core.events"}
    assert "canvas_sync_core.settings" in loaded
    assert heavy & set(loaded) == set()
