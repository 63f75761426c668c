"""Packages whose names are loaded when they are first used.

A command that reads logs uses few modules. Loading everything that its packages export would take
several times as long.

A package declares its exports once, in a table of modules with their names. Type checkers do not
read that table, so the same names are imported under ``TYPE_CHECKING``; a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(package: str, exports: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package (PEP 562).

    Args:
        package: Its ``__name__``.
        exports: Each module -> the names that the package exports from it.
    """
    homes = {name: module for module, names in exports.items() for name in names}

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
