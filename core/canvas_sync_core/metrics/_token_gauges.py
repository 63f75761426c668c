"""Gauges with what this process knows about the quota of each access token."""

from __future__ import annotations

from typing import Final

import msgspec

from canvas_sync_core.canvas.quota import Pace
from canvas_sync_core.canvas.tokens import TokenNames
from canvas_sync_core.events import ApiCall
from canvas_sync_core.names import OTHER
from canvas_sync_core.schema.labels import MAX_TOKENS
from canvas_sync_core.schema.metrics import MetricName

from . import Gauge, MetricFiles
from .children import set_each

__all__ = ["TokenGauges"]

_MOST_USES: Final = 1000
_GAUGES: Final = (
    MetricName.API_QUOTA_REMAINING,
    MetricName.API_QUOTA_MAXIMUM,
    MetricName.API_QUOTA_SEEN,
    MetricName.API_QUOTA_COST,
    MetricName.API_QUOTA_CONCURRENCY,
    MetricName.API_CREDENTIAL_EXPIRES,
)


class _Token(msgspec.Struct):
    """The series of one token, in the order of ``_GAUGES``, and the pace at which it is used."""

    pace: Pace
    maximum: float | None
    gauges: tuple[Gauge, ...]

    def update(self, call: ApiCall) -> None:
        self.pace = pace = self.pace.after(call.time, call.cost or 0.0, call.duration)
        cost_per_second, concurrency = pace.rates
        remaining = call.rate_limit_remaining
        if remaining is not None and remaining > (self.maximum or 0.0):
            self.maximum = remaining
        values = (
            remaining,
            self.maximum,
            pace.time,
            cost_per_second,
            concurrency,
            call.token_expired_at,
        )
        set_each(self.gauges, values)


class TokenGauges:
    """Keeps the gauges of at most 50 tokens; all further ones share ``other``.

    Args:
        files: Where they are stored; the caller holds its lock.
    """

    def __init__(self, files: MetricFiles) -> None:
        self._files = files
        self._names = TokenNames()
        self._tokens: dict[str, _Token] = {}
        self._by_use: dict[tuple[str, str], _Token] = {}

    def update(self, call: ApiCall, token: str) -> None:
        """Record a call with a token."""
        use = token, call.host
        used = self._by_use.get(use)
        if used is None:
            used = self._of(token, call)
            if len(self._by_use) < _MOST_USES:
                self._by_use[use] = used
        used.update(call)

    def _of(self, token: str, call: ApiCall) -> _Token:
        name = self._names.name_at(call.host, token)
        if name not in self._tokens and len(self._tokens) >= MAX_TOKENS:
            name = OTHER
        known = self._tokens.get(name)
        if known is None:
            known = self._tokens[name] = self._new(name, call)
        return known

    def _new(self, name: str, call: ApiCall) -> _Token:
        gauges = tuple(self._files.gauge(metric, (name,)) for metric in _GAUGES)
        return _Token(Pace(call.time - call.duration, call.time), None, gauges)
