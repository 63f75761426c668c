"""The library of a hook: saying what to install when it is missing, and looking it up."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

__all__ = ["library", "required"]


@functools.cache
def library(name: str) -> Any:
    """Return a library that is installed; an import statement in a call takes ten times as long."""
    return import_module(name)


def required(name: str) -> None:
    """Ensure that a library can be imported.

    Raises:
        ImportError: It is not installed; says how it is.
    """
    try:
        import_module(name)
    except ImportError as error:
        raise ImportError(
            f"instrument_{name}() needs {name}. Install it: pip install {name}",
            name=name,
        ) from error
