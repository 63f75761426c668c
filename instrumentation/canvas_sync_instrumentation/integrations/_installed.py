"""Lists the hooks, and switches on those whose libraries are installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from .aiohttp import instrument_aiohttp, uninstrument_aiohttp
from .canvasapi import instrument_canvasapi, uninstrument_canvasapi
from .celery import instrument_celery, uninstrument_celery
from .httpx import instrument_httpx, uninstrument_httpx
from .requests import instrument_requests, uninstrument_requests
from .sqlalchemy import instrument_sqlalchemy, uninstrument_sqlalchemy
from .urllib3 import instrument_urllib3, uninstrument_urllib3

__all__ = ["HOOKS", "Hook", "instrument_installed", "uninstrument_all"]


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook that needs no argument.

    Attributes:
        package: Package to import to check whether the library is installed.
        instrument: Switches it on.
        uninstrument: Switches it off.
    """

    package: str
    instrument: Callable[[], None]
    uninstrument: Callable[[], None]


HOOKS: Final = (
    Hook("aiohttp", instrument_aiohttp, uninstrument_aiohttp),
    Hook("canvasapi", instrument_canvasapi, uninstrument_canvasapi),
    Hook("celery", instrument_celery, uninstrument_celery),
    Hook("httpx", instrument_httpx, uninstrument_httpx),
    Hook("requests", instrument_requests, uninstrument_requests),
    Hook("sqlalchemy", instrument_sqlalchemy, uninstrument_sqlalchemy),
    Hook("urllib3", instrument_urllib3, uninstrument_urllib3),
)


def instrument_installed() -> None:
    """Switch on every hook whose library is installed."""
    for hook in HOOKS:
        if find_spec(hook.package) is not None:
            hook.instrument()


def uninstrument_all() -> None:
    """Switch every hook off."""
    for hook in HOOKS:
        hook.uninstrument()
