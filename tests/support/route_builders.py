"""Apps that share what Werkzeug compiles for their routes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

__all__ = ["share_route_builders"]


def share_route_builders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile each route once, not for each app of the tests.

    That takes almost all of the time in which an app is made. It depends on nothing but the route.
    """
    compiled: dict[tuple[Any, ...], dict[str, Any]] = {}

    class SharedRule(Rule):
        """A rule that takes over what an equal one has compiled."""

        def compile(self) -> None:
            key = (self.rule, self.subdomain, self.host, self.merge_slashes)
            if self.defaults:
                super().compile()
            elif key in compiled:
                vars(self).update(compiled[key])
            else:
                before = dict(vars(self))
                super().compile()
                made = {n: value for n, value in vars(self).items() if before.get(n) is not value}
                compiled[key] = {**made, "arguments": self.arguments}  # a set that it adds to

    monkeypatch.setattr(Flask, "url_rule_class", SharedRule)
