"""Apps that share what Werkzeug compiles for their routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.routing import Rule

__all__ = ["share_route_builders"]


def share_route_builders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the functions that build the URLs of a route once, not for each app of the tests.

    They take almost all of the time in which an app is made. They depend on nothing but the route.
    """
    compile_builder: Callable[[Rule, bool], Any] = Rule._compile_builder
    compiled: dict[tuple[Any, ...], Any] = {}

    def shared(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (rule.rule, *rule._trace, append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    monkeypatch.setattr(Rule, "_compile_builder", shared)
