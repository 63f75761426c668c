"""The tests of a package are in the folder of the same path below ``tests``.

A module that decides anything is tested in the file of its name: ``logs/_parts.py`` in
``logs/test_parts.py``. Modules that only declare things need no tests.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGES = ("core", "instrumentation", "exporter", "demo")

OF_SEVERAL_MODULES = {
    "exporter/serving": "the whole process that serves, with a proxy, signals and neighbours",
    "exporter/judge/simulation": "the whole judge, over a simulated year",
}
"""Folders of tests of more than one module -> what they test."""

TESTED_ELSEWHERE = {"core": 37, "instrumentation": 17, "exporter": 124, "demo": 16}
"""How many modules that decide something are only tested through others. It may only go down."""

DECISIONS = (
    *(ast.If, ast.IfExp, ast.BoolOp, ast.Match, ast.Try, ast.With, ast.AsyncWith),
    *(ast.For, ast.AsyncFor, ast.While, ast.comprehension),
)


def folders_of_tests(package: str) -> set[str]:
    """Return the folders with tests of a package, relative to all tests."""
    files = (TESTS / package).rglob("test_*.py")
    return {str(file.parent.relative_to(TESTS)) for file in files}


def sources_of(folder: str) -> Path:
    """Return the package that a folder of tests is for."""
    package, _, rest = folder.partition("/")
    return TESTS.parent / package / f"canvas_sync_{package}" / rest


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_of_tests_has_the_path_of_a_package(package: str) -> None:
    misplaced = {
        folder
        for folder in folders_of_tests(package) - set(OF_SEVERAL_MODULES)
        if not (sources_of(folder) / "__init__.py").exists()
    }
    assert not misplaced, (
        f"move these tests to the folder of the package that they test: {misplaced}"
    )


def test_each_exception_exists() -> None:
    folders = {folder for package in PACKAGES for folder in folders_of_tests(package)}
    assert set(OF_SEVERAL_MODULES) <= folders


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_modules_of_a_package_share_a_test_file(package: str) -> None:
    """``_patch.py`` and ``patch.py`` would both be tested by ``test_patch.py``."""
    modules = Counter(
        file.with_name(file.name.lstrip("_"))
        for file in sources_of(package).rglob("*.py")
        if not file.stem.startswith("__")
    )
    assert not [str(module) for module, count in modules.items() if count > 1]


def modules(package: str) -> list[Path]:
    """Return the modules of a package, without ``__init__.py``."""
    files = (TESTS.parent / package / f"canvas_sync_{package}").rglob("*.py")
    return [file for file in files if not file.stem.startswith("__")]


def decides(module: Path) -> bool:
    """Return whether a function of a module does one thing or another."""
    functions = (
        node
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    return any(isinstance(node, DECISIONS) for each in functions for node in ast.walk(each))


def own_tests(module: Path, package: str) -> Path:
    """Return the file of a module's tests, whether it exists or not."""
    folder = module.relative_to(TESTS.parent / package / f"canvas_sync_{package}").parent
    return TESTS / package / folder / f"test_{module.stem.lstrip('_')}.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_that_decides_something_has_tests_of_its_own(package: str) -> None:
    without = sorted(
        str(module.relative_to(TESTS.parent))
        for module in modules(package)
        if decides(module) and not own_tests(module, package).exists()
    )
    known = TESTED_ELSEWHERE[package]
    assert len(without) <= known, (
        f"{len(without)} modules have no test file of their name, {known} had none before. Add one "
        "for the new module, or move its tests there:\n" + "\n".join(without)
    )


def test_a_module_that_only_declares_things_needs_no_tests(tmp_path: Path) -> None:
    module = tmp_path / "declared.py"
    module.write_text("LIMIT = 3 if True else 4\n\ndef half(number):\n    return number / 2\n")
    assert not decides(module)
    module.write_text("def half(number):\n    return number / 2 if number else 0\n")
    assert decides(module)
