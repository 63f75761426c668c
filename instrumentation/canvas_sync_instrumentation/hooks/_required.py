"""Saying what to install when the library of a hook is missing."""

from __future__ import annotations

from importlib import import_module

__all__ = ["required"]


def required(library: str) -> None:
    """Make sure that a library can be imported.

    Raises:
        ImportError: It is not installed; says how it is.
    """
    try:
        import_module(library)
    except ImportError as error:
        raise ImportError(
            f"instrument_{library}() needs {library}. Install it: pip install {library}",
            name=library,
        ) from error
