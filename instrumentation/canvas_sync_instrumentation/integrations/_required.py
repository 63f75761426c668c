"""Checks that the library of a hook is installed, and looks it up without an import statement."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

__all__ = ["library", "required"]


@functools.cache
def library(name: str) -> Any:
    """Return an installed library, ten times as fast as an import statement inside a function."""
    return import_module(name)


def required(name: str) -> None:
    """Ensure that a library can be imported.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        import_module(name)
    except ImportError as error:
        raise ImportError(
            f"instrument_{name}() needs {name}. Install it: pip install {name}",
            name=name,
        ) from error
