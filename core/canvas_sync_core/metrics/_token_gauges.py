"""Gauges with what this process knows about the quota of each access token."""

from __future__ import annotations

import msgspec

from canvas_sync_core.canvas.quota import Pace
from canvas_sync_core.canvas.tokens import TokenNames
from canvas_sync_core.events import ApiCall
from canvas_sync_core.names import OTHER
from canvas_sync_core.schema.labels import MAX_TOKENS
from canvas_sync_core.schema.metrics import MetricName

from . import Gauge, MetricFiles

__all__ = ["TokenGauges"]


class _Token(msgspec.Struct):
    """The series of one token, and the pace at which it is used."""

    pace: Pace
    maximum: float
    remaining_gauge: Gauge
    maximum_gauge: Gauge
    seen_gauge: Gauge
    cost_gauge: Gauge
    concurrency_gauge: Gauge
    expires_gauge: Gauge

    def update(self, call: ApiCall) -> None:
        self.pace = pace = self.pace.after(call.time, call.cost or 0.0, call.duration)
        self.cost_gauge.set(pace.cost_per_second)
        self.concurrency_gauge.set(pace.concurrency)
        self.seen_gauge.set(pace.time)
        remaining = call.rate_limit_remaining
        if remaining is not None:
            self.remaining_gauge.set(remaining)
            if remaining > self.maximum:
                self.maximum = remaining
                self.maximum_gauge.set(remaining)
        if call.token_expired_at is not None:
            self.expires_gauge.set(call.token_expired_at)


class TokenGauges:
    """Keeps the gauges of at most 50 tokens; all further ones share ``other``.

    Args:
        files: Where they are stored; the caller holds its lock.
    """

    def __init__(self, files: MetricFiles) -> None:
        self._files = files
        self._names = TokenNames()
        self._tokens: dict[str, _Token] = {}

    def update(self, call: ApiCall) -> None:
        """Record a call with a token."""
        name = OTHER if call.token is None else self._names.name_at(call.host, call.token)
        if name not in self._tokens and len(self._tokens) >= MAX_TOKENS:
            name = OTHER
        token = self._tokens.get(name)
        if token is None:
            token = self._tokens[name] = self._new(name, call)
        token.update(call)

    def _new(self, name: str, call: ApiCall) -> _Token:
        gauge, labels = self._files.gauge, (name,)
        return _Token(
            pace=Pace(call.time - call.duration, call.time),
            maximum=0.0,
            remaining_gauge=gauge(MetricName.API_QUOTA_REMAINING, labels),
            maximum_gauge=gauge(MetricName.API_QUOTA_MAXIMUM, labels),
            seen_gauge=gauge(MetricName.API_QUOTA_SEEN, labels),
            cost_gauge=gauge(MetricName.API_QUOTA_COST, labels),
            concurrency_gauge=gauge(MetricName.API_QUOTA_CONCURRENCY, labels),
            expires_gauge=gauge(MetricName.API_CREDENTIAL_EXPIRES, labels),
        )
