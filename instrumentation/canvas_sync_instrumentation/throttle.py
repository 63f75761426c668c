"""Optional pacing: waits before Canvas would refuse a request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from canvas_sync_core.canvas.quota import Bucket
from canvas_sync_core.canvas.responses import classify
from canvas_sync_core.canvas.tokens import TokenNames, token_hash
from canvas_sync_core.events import GuardWaited
from canvas_sync_core.identifiers import getpid
from canvas_sync_core.locks import Condition
from canvas_sync_instrumentation.run.active_run import current_run

from .monitor import get_monitor

__all__ = ["GuardedRequest", "ThrottleGuard"]

_POLL_SECONDS: Final = 0.1
_MOST_TOKENS: Final = 1000
_MOST_RESERVED: Final = 500.0
_NO_TOKEN: Final = ""


class ThrottleGuard:
    """Delays requests until they fit into their token's quota.

    It models Canvas's own rule for each token: requests in flight, their cost, the leak, and the
    newest ``X-Rate-Limit-Remaining``, which also reflects other processes. Waiting is counted in
    ``canvas_sync_api_guard_wait_seconds_total``, in ``api_calls.log`` and in the run's row. Threads
    and tasks may share a guard; a forked child starts with a fresh one.

    ::

        guard = ThrottleGuard()
        instrument_requests(guard=guard)  # every request waits by itself

        with guard.request(token) as held:  # any other client
            answer = client.get(url)
            held.observe(answer.status, answer.headers)

    Args:
        reserve: Part of the quota that is left to other processes with the same token. Several
            processes that start many requests at the same time notice each other too late: with
            two, give each 300.

    Raises:
        ValueError: ``reserve`` is negative or over 500, which still leaves room for one request.
    """

    def __init__(self, *, reserve: float = 0.0) -> None:
        if not 0.0 <= reserve <= _MOST_RESERVED:
            raise ValueError(f"reserve: {reserve:g} cannot be used: use 0 to {_MOST_RESERVED:g}")
        self._reserve = reserve
        self._reset()

    def request(self, token: str) -> GuardedRequest:
        """Guard one request: a context manager, with ``with`` and with ``async with``.

        Args:
            token: The access token; only a short hash is stored.
        """
        return self.acquire(token_hash(token))

    def acquire(self, token: str | None) -> GuardedRequest:
        """Guard one request, given its token's short hash or None."""
        return GuardedRequest(self, token or _NO_TOKEN)

    def quota_at(self, host: str, token: str) -> str:
        """Return the name of the quota of a token's hash on a host."""
        with self._changed_here().lock:
            return self._names.name_at(host, token)

    def wait(self, token: str) -> float:
        """Wait until another request fits; return the seconds waited.

        For clients that cannot be wrapped: the request does not count as in flight. Pass Canvas'
        response to :meth:`observe`.
        """
        held = self.request(token)
        waited = held.begin()
        held.end()
        return waited

    async def wait_async(self, token: str) -> float:
        """Do the same without blocking the event loop."""
        held = self.request(token)
        waited = await held.begin_async()
        held.end()
        return waited

    def observe(self, token: str, status: int, headers: Mapping[str, str]) -> None:
        """Observe the response to a request that was sent without :meth:`request`.

        Args:
            token: The access token.
            status: HTTP status.
            headers: In any case.
        """
        facts = classify(status, headers, None)
        key = token_hash(token)
        with self._changed_here().lock:
            bucket = self._bucket(key).begun()
            self._buckets[key] = bucket.ended(
                facts.cost or 0.0, facts.rate_limit_remaining, throttled=facts.throttled
            )

    def try_begin(self, token: str) -> float:
        """Reserve quota for a request, given its token's hash.

        Returns:
            0 if it was reserved; otherwise the seconds until the next attempt, unless a request
            ends before.
        """
        with self._changed_here().lock:
            bucket = self._bucket(token)
            delay = bucket.seconds_until_room(self._reserve)
            self._buckets[token] = bucket if delay else bucket.begun()
            return delay

    def wait_for_change(self, seconds: float) -> None:
        """Wait until a request ends, or for some seconds."""
        changed = self._changed_here()
        with changed.lock:
            changed.wait(seconds)

    def ended(self, token: str, *, cost: float, remaining: float | None, throttled: bool) -> None:
        """Release the quota of a request, and update the model from its response."""
        changed = self._changed_here()
        with changed.lock:
            bucket = self._bucket(token).ended(cost, remaining, throttled=throttled)
            self._buckets[token] = bucket
            changed.notify_all()

    def _bucket(self, token: str) -> Bucket:
        now = time.monotonic()
        if len(self._buckets) > _MOST_TOKENS:
            for key in [key for key, each in self._buckets.items() if each.at(now).level == 0.0]:
                del self._buckets[key]
        return self._buckets.get(token, Bucket(now)).at(now)

    def _changed_here(self) -> Condition:
        if self._pid != getpid():  # the lock may have been held when this process was forked
            self._reset()
        return self._changed

    def _reset(self) -> None:
        self._pid = getpid()
        self._changed = Condition()
        self._names = TokenNames()
        self._buckets: dict[str, Bucket] = {}


class GuardedRequest:
    """One request that a :class:`ThrottleGuard` delays until it fits.

    Args:
        guard: The guard.
        token: Short hash of the token.
    """

    def __init__(self, guard: ThrottleGuard, token: str) -> None:
        self._guard = guard
        self._token = self._quota = token
        self._cost = 0.0
        self._remaining: float | None = None
        self._throttled = False

    def at(self, host: str) -> Self:
        """Set the Canvas host of the request: on each host, a token has a separate quota."""
        self._quota = self._guard.quota_at(host, self._token)
        return self

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Observe Canvas's response.

        Args:
            status: HTTP status.
            headers: In any case.
        """
        facts = classify(status, headers, None)
        self._cost = facts.cost or 0.0
        self._remaining = facts.rate_limit_remaining
        self._throttled = facts.throttled

    def begin(self) -> float:
        """Wait and reserve quota; return the seconds waited."""
        start = time.monotonic()
        delay = self._guard.try_begin(self._quota)
        if not delay:
            return 0.0
        while delay:
            self._guard.wait_for_change(delay)
            delay = self._guard.try_begin(self._quota)
        return self._emit_wait(time.monotonic() - start)

    async def begin_async(self) -> float:
        """Do the same without blocking the event loop."""
        start = time.monotonic()
        delay = self._guard.try_begin(self._quota)
        if not delay:
            return 0.0
        while delay:
            await asyncio.sleep(min(delay, _POLL_SECONDS))
            delay = self._guard.try_begin(self._quota)
        return self._emit_wait(time.monotonic() - start)

    def end(self) -> None:
        """Release the quota."""
        self._guard.ended(
            self._quota,
            cost=self._cost,
            remaining=self._remaining,
            throttled=self._throttled,
        )

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    async def __aenter__(self) -> Self:
        await self.begin_async()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def _emit_wait(self, seconds: float) -> float:
        monitor, current = get_monitor(), current_run()
        if current is not None:
            current.run.totals.add_wait(seconds)
        context = current.context if current else monitor.outer_run
        token = self._token or None
        monitor.emit(GuardWaited(context, monitor.clock.time(), seconds, token))
        return seconds
