"""Keeps our failures away from the sync, and passes the sync's own exceptions through."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from .interfaces import Reporter

__all__ = ["never_raises"]


class _HasReporter(Protocol):
    @property
    def reporter(self) -> Reporter: ...


S = TypeVar("S", bound=_HasReporter)
P = ParamSpec("P")
R = TypeVar("R")


def never_raises(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | None]:
    """Make a method return None if it fails, and count the failure instead of raising it.

    The reporter raises the failure again in strict mode, so that our tests and users' tests see it.
    It also raises an asynchronous exception again, which is never a failure of ours.
    """

    @wraps(method)
    def without_errors(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
            self.reporter.internal_error("tracker", error)
            return None

    return without_errors
