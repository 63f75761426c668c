"""Calls with many arguments say what each of them is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from support.markdown import ROOT
from support.syntax import syntax_tree

MOST = 5
VARIADIC = {"Table", "create_table", "select", "datetime", "_query", "_table"}
"""They take any number of columns, parameters or patterns, or the parts of a date."""


def by_position(source: str) -> Iterator[str]:
    """The calls with more than five arguments by position; an unpacked sequence counts as one."""
    for node in ast.walk(syntax_tree(source)):
        if isinstance(node, ast.Call) and len(node.args) > MOST:
            function = ast.unparse(node.func)
            if function.rpartition(".")[2] not in VARIADIC:
                yield f"line {node.lineno}: {function}"


@pytest.mark.parametrize("root", ["core", "instrumentation", "exporter", "demo"])
def test_calls_with_more_than_five_arguments_are_made_by_keyword(root: str) -> None:
    found = {
        str(path.relative_to(ROOT)): calls
        for path in (ROOT / root).rglob("*.py")
        if (calls := list(by_position(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_a_call_with_six_arguments_by_position_is_noticed() -> None:
    assert list(by_position("RunContext(1, 2, 3, 4, 5)\nRunContext(1, 2, 3, 4, 5, 6)")) == [
        "line 2: RunContext"
    ]
