"""Names in the code are the terms of the glossary."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

from support.markdown import DOCS, ROOT, table
from support.syntax import syntax_tree

PACKAGES = ("core", "instrumentation", "exporter", "demo")
FOLDERS = (*PACKAGES, "tests", "benchmarks")


def forbidden_names() -> dict[str, str]:
    """Each name that the glossary rules out, with what to write instead."""
    rows = table(DOCS / "explanation" / "glossary.md", "not")
    return {name: cells[0] for name, cells in rows.items()}


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a source gives; fields keep the names of their data."""

    functions: set[str]
    others: set[str]


@cache
def names_in(source: str) -> Names:
    """Names of functions, and those of classes, arguments and variables."""
    names = Names(set(), set())
    fields: set[ast.AST] = set()
    for node in ast.walk(syntax_tree(source)):  # a class comes before its fields
        if _is_assigned(node):
            if node not in fields:
                names.others.add(node.id)
        elif isinstance(node, ast.arg):
            names.others.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.functions.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.others.add(node.name)
            fields |= {each.target for each in node.body if isinstance(each, ast.AnnAssign)}
    return names


def all_names_in(source: str) -> set[str]:
    """Names of any kind."""
    names = names_in(source)
    return names.functions | names.others


def _is_assigned(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def functions_in(source: str) -> set[str]:
    """Names of functions, without leading underscores."""
    return {name.lstrip("_") for name in names_in(source).functions}


def misnamed(file: Path, forbidden: dict[str, str]) -> list[str]:
    """What a file should call differently."""
    found = {file.stem, *all_names_in(file.read_text(encoding="utf-8"))}
    return [
        f"{file.relative_to(ROOT)}: write {forbidden[name]} instead of {name}"
        for name in sorted({name.lstrip("_") for name in found} & set(forbidden))
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_bears_a_name_that_the_glossary_rules_out(folder: str) -> None:
    forbidden = forbidden_names()
    files = (ROOT / folder).rglob("*.py")
    assert [each for file in files for each in misnamed(file, forbidden)] == []


@pytest.mark.parametrize("folder", [*PACKAGES, "benchmarks"])
def test_a_report_and_a_guard_are_things_that_no_function_is_named_after(folder: str) -> None:
    """One emits an event, records a call, prints figures, or handles internal errors."""
    files = (ROOT / folder).rglob("*.py")
    found = {file: functions_in(file.read_text(encoding="utf-8")) for file in files}
    assert [file for file, names in found.items() if names & {"report", "guard"}] == []


@pytest.mark.parametrize("folder", PACKAGES)
def test_only_metric_files_are_in_a_directory_and_all_others_in_a_folder(folder: str) -> None:
    directory = re.compile("directory|directories", re.IGNORECASE)
    files = (ROOT / folder).rglob("*.py")
    names = {name for file in files for name in all_names_in(file.read_text(encoding="utf-8"))}
    found = {name for name in names if directory.search(name)}
    assert found <= {"CrowdedDirectory", "MetricDirectory", "SharedMetricDirectory"}


def test_each_name_that_the_glossary_prefers_is_in_use() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    words = {word.lstrip("_") for file in files for word in re.findall(r"\w+", file.read_text())}
    words |= {part for file in files for part in file.with_suffix("").parts}
    preferred = {name for cell in forbidden_names().values() for name in re.findall(r"\w+", cell)}
    assert preferred - words == set()


@pytest.mark.parametrize(
    "source",
    [
        "class Heart: ...",
        "def _survives(): ...",
        "async def f(*, places): ...",
        "LOSSES = ()",
        "ENDINGS: tuple[str, ...] = ()",
        "def f():\n    told = 1",
        "for kept in (): ...",
    ],
)
def test_a_name_that_is_ruled_out_is_found(source: str) -> None:
    names = {name.lstrip("_") for name in all_names_in(source)}
    assert names & set(forbidden_names())
