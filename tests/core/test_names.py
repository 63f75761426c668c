"""The names that others depend on are complete and well formed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import canvas_sync_instrumentation
from canvas_sync_core.names import DROP_REASONS, LOGS, Log

SOURCES = Path(canvas_sync_instrumentation.__file__).parent
COUNTERS = {"count_drop", "on_drop", "_on_drop"}


def test_each_log_has_its_size() -> None:
    assert set(LOGS) == set(Log)


def test_whatever_the_code_counts_as_lost_has_a_known_reason() -> None:
    """Otherwise it would not be there as 0 before the first loss."""
    known = {reason for reasons in DROP_REASONS.values() for reason in reasons}
    counted = set(_reasons_in_the_code())
    assert len(counted) > 5
    assert counted <= known


def _reasons_in_the_code() -> Iterator[str]:
    """The texts given to whatever counts losses, but for the names of the sinks."""
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
            if name in COUNTERS:
                texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                yield from (
                    text for text in texts if isinstance(text, str) and text not in DROP_REASONS
                )
