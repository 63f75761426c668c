"""Syntax trees of the sources."""

from __future__ import annotations

import ast
import gc

__all__ = ["syntax_tree"]


def syntax_tree(source: str) -> ast.Module:
    """Parse a source without the garbage collector.

    CPython 3.11 raises SystemError if the collector ends a greenlet, such as one of Playwright's,
    while it makes the tree.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if was_enabled:
            gc.enable()
