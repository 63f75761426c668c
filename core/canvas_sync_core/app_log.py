"""The app's log, where telemetry reports its own state: a fault once, and what was lost.

Its handlers, filters and record factory belong to the app. One that fails must not end the sync.
"""

from __future__ import annotations

import logging
from typing import Any

from .asynchronous import raise_if_asynchronous

__all__ = ["AppLogger", "app_logger"]


class AppLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that never raises what the app's logging raises."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message, as from the place that calls :meth:`warning` and the like."""
        try:
            super().log(level, msg, *args, **kwargs, stacklevel=2)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
            raise_if_asynchronous(error)


def app_logger(name: str) -> AppLogger:
    """Return the logger of a module, which the app configures as it does its own."""
    return AppLogger(logging.getLogger(name), None)
