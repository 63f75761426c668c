"""The pages for contributors name what exists: each module, and each place of a recipe."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from support.markdown import DOCS, ROOT

ARCHITECTURE = DOCS / "explanation" / "architecture.md"
ADDING = DOCS / "explanation" / "adding.md"
PACKAGES = (
    "core/canvas_sync_core",
    "instrumentation/canvas_sync_instrumentation",
    "exporter/canvas_sync_exporter",
)
_CODE = re.compile(r"`([^`]+)`")
_FOLDERS = ("core", "instrumentation", "exporter", "deploy", "docs", "tests")


def children(package: Path) -> set[str]:
    """The modules of a package as the page writes them, folders with a slash."""
    folders = {f"{file.parent.name}/" for file in package.glob("*/*") if file.suffix != ".pyc"}
    files = {file.name for file in package.glob("*.py")}
    return (folders | files) - {"__init__.py", "runbooks/"}


def named(package: str) -> list[str]:
    """The names in the first column of a package's table."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split(f"### `{package}`")[1].split("\n#")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for first in rows for name in _CODE.findall(first)]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_has_every_module_of_a_package_once(package: str) -> None:
    assert sorted(named(package)) == sorted(children(ROOT / package))


def steps() -> list[str]:
    """The files that the page leads through."""
    page = ARCHITECTURE.read_text(encoding="utf-8")
    section = page.split("## Follow it through the code")[1].split("\n## ")[0]
    return sorted({code for code in _CODE.findall(section) if code.endswith(".py")})


@pytest.mark.parametrize("step", steps())
def test_every_file_that_the_page_leads_through_exists(step: str) -> None:
    assert len([package for package in PACKAGES if (ROOT / package / step).exists()]) == 1


def named_paths() -> list[str]:
    """The files and folders that the recipes name; what a contributor makes has a placeholder."""
    codes = _CODE.findall(ADDING.read_text(encoding="utf-8"))
    paths = [code for code in codes if re.fullmatch(r"[\w./*-]+(/|\.(py|md|yml|toml))", code)]
    return sorted(set(paths))


@cache
def repository_paths() -> list[Path]:
    """All files and folders that a recipe may name by the end of their paths."""
    return [path for folder in _FOLDERS for path in (ROOT / folder).rglob("*")]


@pytest.mark.parametrize("place", named_paths())
def test_every_place_that_a_recipe_names_exists(place: str) -> None:
    if place.startswith(tuple(f"{folder}/" for folder in _FOLDERS)):
        found = list(ROOT.glob(place.removesuffix("/")))
    else:
        found = [path for path in repository_paths() if path.match(place.rstrip("/"))]
    assert found, f"{ADDING.name} names {place}"
