"""Keeping our own failures away from the sync, and its own failures out of our hands."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from .interfaces import Host

__all__ = ["is_of_signal_handler", "survives"]


class _Hosted(Protocol):
    @property
    def host(self) -> Host: ...


S = TypeVar("S", bound=_Hosted)
P = ParamSpec("P")
R = TypeVar("R")


def survives(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | None]:
    """Make a method report what fails inside to its host and return None, instead of raising.

    The host raises it again in strict mode, so that our tests, and users' tests, see it.
    """

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
            self.host.internal_error("tracker", error)
            return None

    return guarded


def is_of_signal_handler(error: BaseException) -> bool:
    """Tell whether one of the app's signal handlers raised ``error``, which makes it the sync's.

    It comes wherever the main thread happens to be, so inside telemetry too: the soft time limit of
    a Celery task, for instance.
    """
    handlers = map(signal.getsignal, signal.valid_signals())
    codes = {code for handler in handlers if (code := getattr(handler, "__code__", None))}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))
