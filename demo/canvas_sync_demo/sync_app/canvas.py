"""The app's access to Canvas: canvasapi's client with a timeout, patience, and no guessed dates."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import requests
from canvasapi import Canvas
from canvasapi.canvas_object import CanvasObject
from canvasapi.exceptions import CanvasException, RateLimitExceeded
from requests.adapters import HTTPAdapter

__all__ = ["connect", "patiently"]

T = TypeVar("T")
_ATTEMPTS = 6
_FIRST_PAUSE = 0.5


def connect(url: str, token: str, timeout: float) -> Canvas:
    """Make a client, whose objects have the attributes that Canvas sent and no further ones.

    Args:
        url: Base URL of Canvas, without ``/api/v1``.
        token: Access token.
        timeout: Seconds to wait for an answer; canvasapi alone would wait forever.
    """
    CanvasObject.set_attributes = _set_attributes
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Canvas may respond unexpectedly")  # http on loopback
        canvas = Canvas(url, token)
    session = canvas._Canvas__requester._session  # canvasapi has no public way in
    for scheme in ("https://", "http://"):
        session.mount(scheme, _TimeoutAdapter(timeout))
    return canvas


def patiently(call: Callable[[], T]) -> T:
    """Make a call; while Canvas is busy or away, wait twice as long each time and try again.

    Raises:
        CanvasException: Canvas said no, or was still busy at the last attempt.
        requests.RequestException: Canvas was still away at the last attempt.
    """
    for attempt in range(_ATTEMPTS - 1):
        try:
            return call()
        except (CanvasException, requests.ConnectionError, requests.Timeout) as error:
            if not _may_pass(error):
                raise
        time.sleep(_FIRST_PAUSE * 2**attempt)
    return call()


def _may_pass(error: Exception) -> bool:
    """Whether the same call may work a little later: throttled, failed or away, but not refused."""
    if isinstance(error, CanvasException) and not isinstance(error, RateLimitExceeded):
        return "Rate Limit Exceeded" in str(error) or "status code 5" in str(error)
    return True


def _set_attributes(self: CanvasObject, attributes: dict[str, Any]) -> None:
    """Keep an object's attributes as they are.

    canvasapi tries to read each of them as a date, in 17 formats. The app reads the dates that it
    needs, and that guessing would take most of the processor time of a sync.
    """
    vars(self).update(attributes)


class _TimeoutAdapter(HTTPAdapter):
    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        super().__init__()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override] # the options are passed on unread
        return super().send(request, **{**kwargs, "timeout": self._timeout})
