"""Packages whose names are loaded when they are first used."""

from __future__ import annotations

import ast
import importlib
import inspect
from importlib.util import resolve_name

import pytest

from canvas_sync_core.lazy import lazy_exports

PACKAGES = (
    "canvas_sync_core.canvas",
    "canvas_sync_core.logs",
    "canvas_sync_exporter.logs",
    "canvas_sync_exporter.logs.search",
    "canvas_sync_exporter.web",
    "canvas_sync_instrumentation",
    "canvas_sync_instrumentation.integrations",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_each_export_where_the_table_says_that_it_is(package: str) -> None:
    module = importlib.import_module(package)
    tree = ast.parse(inspect.getsource(module))
    (checked,) = (each for each in tree.body if isinstance(each, ast.If))
    seen: dict[str, set[str]] = {}
    for statement in checked.body:
        assert isinstance(statement, ast.ImportFrom)
        home = resolve_name("." * statement.level + (statement.module or ""), package)
        seen[home] = {name.asname or "" for name in statement.names}
    assert {home: {*names} for home, names in module._EXPORTS.items()} == seen


@pytest.mark.parametrize("package", PACKAGES)
def test_each_export_is_found_and_no_other_name_is(package: str) -> None:
    module = importlib.import_module(package)
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match=f"'{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018 - reading it is what fails


def test_a_name_is_loaded_once() -> None:
    package = importlib.import_module("canvas_sync_core.logs")
    load = lazy_exports(
        "canvas_sync_core.logs", {"canvas_sync_core.logs.writer": ("LogFileWriter",)}
    )
    assert load("LogFileWriter") is package.__dict__["LogFileWriter"]
