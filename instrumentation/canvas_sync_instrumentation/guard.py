"""Keeping our own failures away from the sync, and its own failures out of our hands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from .interfaces import Reporter

__all__ = ["never_raises"]


class _Hosted(Protocol):
    @property
    def host(self) -> Reporter: ...


S = TypeVar("S", bound=_Hosted)
P = ParamSpec("P")
R = TypeVar("R")


def never_raises(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | None]:
    """Make a method report what fails inside to its host and return None, instead of raising.

    The host raises it again in strict mode, so that our tests, and users' tests, see it, and always
    when it is asynchronous, and so none of ours.
    """

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
            self.host.internal_error("tracker", error)
            return None

    return guarded
