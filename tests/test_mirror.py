"""The tests of a package are in the folder of the same path below ``tests``."""

from __future__ import annotations

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
    strays = {
        folder
        for folder in folders_of_tests(package) - set(OF_SEVERAL_MODULES)
        if not (sources_of(folder) / "__init__.py").exists()
    }
    assert not strays, f"move these tests to the folder of the package that they test: {strays}"


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
