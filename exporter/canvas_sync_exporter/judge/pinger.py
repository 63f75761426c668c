"""Calls a URL while everything can be judged, so that another service notices a dead exporter.

The URL belongs to healthchecks.io or a similar service: a call means that all is well, a call of
``/fail`` that something is wrong, and silence that the exporter is dead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from canvas_sync_core.clock import monotonic
from canvas_sync_core.locks import Event
from canvas_sync_core.threads import Daemon
from canvas_sync_exporter.ping_url import PingCaller, below

from .judge import JudgeState

__all__ = ["Pinger"]

_INTERVAL_SECONDS: Final = 60.0
_FIRST_SECONDS: Final = 1.0
"""How often to check whether the first judging is done."""
_TIMEOUT_SECONDS: Final = 10.0
_OLD_SECONDS: Final = 60.0
"""Judging takes place every 15 s, so by now several have been missed."""
_UNJUDGED_SECONDS: Final = 150.0
"""After a start or an outage, not everything is judged for two minutes, which is not a failure."""

_log = logging.getLogger(__name__)


class Pinger:
    """Calls the URL from a thread that nothing waits for.

    Args:
        url: The URL. It contains a key, so it is never logged.
        state: Returns the latest result of the judge.
        interval: Seconds between two calls.
        timeout: Seconds to wait for a connection, and for an answer.
        unjudged_patience: Seconds in which something may not be judged yet.
    """

    def __init__(
        self,
        url: str,
        state: Callable[[], JudgeState],
        *,
        interval: float = _INTERVAL_SECONDS,
        timeout: float = _TIMEOUT_SECONDS,
        unjudged_patience: float = _UNJUDGED_SECONDS,
    ) -> None:
        self._url = url
        self._state = state
        self._interval = interval
        self._unjudged_patience = unjudged_patience
        self._caller = PingCaller(timeout)
        self._failure = ""
        self._unjudged_since: float | None = None
        self._stopped = Event()
        self._thread = Daemon(self._run, "heartbeat URL")

    def start(self) -> None:
        """Start calling the URL."""
        if not self._thread.start():
            _log.error("Cannot start a thread; the heartbeat URL is not called.")

    def stop(self) -> None:
        """Stop calling; does not wait for a call in progress."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(0):
            state = self._state()
            if state.judged_at is None and not state.failure and state.seconds_since < _OLD_SECONDS:
                self._stopped.wait(min(_FIRST_SECONDS, self._interval))
                continue
            self._call_for(state)
            self._stopped.wait(self._interval)

    def _call_for(self, state: JudgeState) -> None:
        """Call the URL that says how the judge is; none while it may only need to start."""
        if not state.unjudged:
            self._unjudged_since = None
        elif self._unjudged_since is None:
            self._unjudged_since = monotonic()
        if not _can_judge(state):
            self._call(below(self._url, "fail"))
        elif self._unjudged_since is None:
            self._call(self._url)
        elif monotonic() - self._unjudged_since >= self._unjudged_patience:
            self._call(below(self._url, "fail"))

    def _call(self, url: str) -> None:
        failed = self._caller.call(url)
        failure = "" if failed is None else failed.reason
        if failure and not self._failure:
            _log.warning("The heartbeat URL cannot be called: %s.", failure)
        elif self._failure and not failure:
            _log.info("The heartbeat URL can be called again.")
        self._failure = failure


def _can_judge(state: JudgeState) -> bool:
    is_old = state.seconds_since > _OLD_SECONDS
    return not (state.failure or state.storage_failure or is_old)
